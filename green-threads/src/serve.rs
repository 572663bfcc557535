//! The body of a child: it runs one workload on one runtime, as often as its parent asks.

use std::io::{self, BufRead};
use std::process::ExitCode;

use crate::probe::memory::Memory;
use crate::probe::placement::{Placement, allowed_cores};
use crate::probe::protocol::{Line, Preemption, Ready, Setup};
use crate::probe::{Runtime, parallelism, say};
use crate::workload::{Ask, Workload};

/// Runs the workload of `setup`, which is JSON and names one of `workloads`, as often as the standard input asks. Only
/// the protocol goes to the standard output.
#[must_use]
pub fn serve(setup: &str, workloads: impl IntoIterator<Item = &'static Workload>) -> ExitCode {
    match try_serve(setup, workloads) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // The parent may have ended. Then there is no reader, and the exit status is enough.
            let _ = say(&Line::Refused(why.to_string()));
            ExitCode::from(2)
        }
    }
}

fn try_serve(
    setup: &str,
    workloads: impl IntoIterator<Item = &'static Workload>,
) -> Result<(), Box<dyn std::error::Error>> {
    if !cfg!(target_os = "linux") {
        return Err("only Linux tells the placement and the memory that the runtimes are measured by".into());
    }
    let setup: Setup = serde_json::from_str(setup).map_err(|error| format!("the setup is none: {error}"))?;
    let workload = workloads.into_iter().find(|workload| workload.name == setup.workload);
    let workload = workload.ok_or_else(|| format!("there is no workload {:?}", setup.workload))?;
    if !workload.variants.contains(&&*setup.variant) {
        return Err(
            format!("{} has no variant {:?}, only {:?}", workload.name, setup.variant, workload.variants).into()
        );
    }
    if let Some(why) = workload.cannot(&setup) {
        return Err(why.into());
    }
    if setup.n == 0 || setup.n > workload.most {
        return Err(format!("{} takes an n of 1 to {}, not {}", workload.name, workload.most, setup.n).into());
    }
    if setup.preemption != Preemption::Default {
        return Err("only Go preempts its units, so only there can that be switched off".into());
    }
    let cores = allowed_cores()?.len();
    if setup.placement == Placement::OneCore && cores != 1 {
        return Err(format!("it was to be placed on one core, and may run on {cores}").into());
    }
    let runtime = Runtime::start(&setup, workload.lean, workload.sockets)?;
    let parallelism = parallelism::prove(&runtime, setup.workers)?;
    let threads = usize::try_from(Memory::now()?.threads)?;
    say(&Line::Ready(Ready { parallelism, threads }))?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let iterations =
            line.trim().parse().map_err(|_| format!("asked for {line:?} iterations, which is no number"))?;
        let answer = workload.run(&runtime, &Ask { iterations, setup: &setup })?;
        say(&Line::Answer(answer))?;
    }
    // Units that are still parked would hold the process up.
    std::process::exit(0)
}
