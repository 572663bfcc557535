//! The body of a child process: it runs one workload on one runtime, each time its parent asks.

use std::io::{self, BufRead};
use std::process::ExitCode;

use crate::probe::memory::Memory;
use crate::probe::placement::{Placement, allowed_cores};
use crate::probe::protocol::{Line, Preemption, Ready, Setup};
use crate::probe::trace::{Recorder, Trace};
use crate::probe::{Runtime, parallelism};
use crate::workload::{Ask, Workload};

/// Runs a workload each time the standard input asks, and returns the exit status of this process.
///
/// `setup` is a [`Setup`] in JSON, which names one of `workloads`. The standard output carries the protocol and
/// nothing else. If the setup is impossible, or anything fails, this function writes the reason as a
/// [`Line::Refused`] and returns exit status 2. When the standard input ends, it ends the process with exit status
/// 0, and does not return.
#[must_use]
pub fn serve(
    setup: &str,
    workloads: impl IntoIterator<Item = &'static Workload>,
) -> ExitCode {
    match try_serve(setup, workloads) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // The parent may have ended. Then the pipe has no reader, and the exit status is enough.
            let _ = Line::Refused(why.to_string()).say();
            ExitCode::from(2)
        }
    }
}

fn try_serve(
    setup: &str,
    workloads: impl IntoIterator<Item = &'static Workload>,
) -> Result<(), Box<dyn std::error::Error>> {
    if !cfg!(target_os = "linux") {
        return Err(
            "the runtimes are measured by placement and memory, which only Linux reports"
                .into(),
        );
    }
    let setup: Setup = serde_json::from_str(setup)
        .map_err(|error| format!("the setup cannot be read: {error}"))?;
    let workload = workloads.into_iter().find(|workload| workload.name == setup.workload);
    let workload =
        workload.ok_or_else(|| format!("there is no workload {:?}", setup.workload))?;
    if !workload.variants.contains(&&*setup.variant) {
        return Err(format!(
            "{} has no variant {:?}, only {:?}",
            workload.name, setup.variant, workload.variants
        )
        .into());
    }
    if let Some(why) = workload.cannot(&setup) {
        return Err(why.into());
    }
    if setup.n == 0 || setup.n > workload.most {
        return Err(format!(
            "{} takes an n of 1 to {}, not {}",
            workload.name, workload.most, setup.n
        )
        .into());
    }
    if setup.preemption != Preemption::Default {
        return Err("only Go preempts its units, so only Go can switch that off".into());
    }
    if setup.trace && workload.recorded.is_none() {
        return Err(format!("{} records no trace", workload.name).into());
    }
    let cores = allowed_cores()?.len();
    if setup.placement == Placement::OneCore && cores != 1 {
        return Err(format!(
            "the child should be placed on one core, but may run on {cores}"
        )
        .into());
    }
    let runtime = Runtime::start(&setup, workload.lean, workload.sockets)?;
    let parallelism = parallelism::prove(&runtime, setup.workers)?;
    let threads = usize::try_from(Memory::now()?.threads)?;
    Line::Ready(Ready { parallelism, threads }).say()?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let iterations = line.trim().parse().map_err(|_| {
            format!("asked for {line:?} iterations, which is not a number")
        })?;
        if setup.trace && iterations > Trace::MOST_ITERATIONS {
            let most = Trace::MOST_ITERATIONS;
            return Err(format!("a trace has at most {most} iterations").into());
        }
        let recorder = Recorder::new(setup.trace);
        let mut answer = workload
            .run(&runtime, &Ask { iterations, setup: &setup, trace: &recorder })?;
        // A workload may have made its trace itself.
        answer.trace = answer.trace.or_else(|| recorder.finish());
        Line::Answer(answer).say()?;
    }
    // Do not return: units that are still parked would keep the process from ending.
    std::process::exit(0)
}
