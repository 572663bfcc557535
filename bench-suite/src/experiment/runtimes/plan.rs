//! In which settings each workload is measured.

use green_threads::Workers;
use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::Preemption;

use crate::store::Depth;
use crate::workload::memo_fill;

/// One setting of a timed workload, for all models.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) variant: &'static str,
    pub(super) n: u64,
    pub(super) workers: Workers,
    pub(super) placement: Placement,
}

/// The settings of a timed workload.
pub(super) fn timed(workload: &str, depth: Depth) -> Vec<Point> {
    let full = depth == Depth::Full;
    let sizes: &[(&'static str, u64)] = match (workload, full) {
        ("spawn", _) => &[("inside", 1), ("inside", 1000), ("outside", 1), ("outside", 1000)],
        ("switch", _) => &[("yield", 2), ("yield-alone", 1), ("park", 2)],
        ("ping_pong", _) => &[("", 2)],
        ("ring", false) => &[("", 2), ("", 100), ("", 1000)],
        ("ring", true) => &[("", 2), ("", 10), ("", 100), ("", 1000)],
        ("pipeline", false) => &[("cross", 100)],
        ("pipeline", true) => &[("cross", 100), ("cross", 1000), ("cross", 10_000)],
        ("compute", _) => &[("", 64)],
        ("wakeup", _) => &[("", 50_000)],
        ("skynet", _) => &[("", 1000)],
        ("runtime_hit", _) => &[("memo2", 1), ("memo3", 1), ("memo2", 16), ("memo3", 16)],
        ("monitor_round_trip", _) => &[("", 1)],
        _ => unreachable!("{workload} is not timed"),
    };
    let places = if workload == "compute" { compute_places() } else { places(full) };
    let at_each = |&(variant, n): &(&'static str, u64)| {
        places.iter().map(move |&(workers, placement)| Point { variant, n, workers, placement })
    };
    let mut points: Vec<Point> = sizes.iter().flat_map(at_each).collect();
    // With several workers each unit may have its own, and no yield of any model hands over to another unit.
    points.retain(|point| point.variant != "yield" || point.workers == Workers::ONE);
    if workload == "skynet" {
        // Large trees once, on all cores: they are there to be created, or not.
        let large: &[u64] = if full { &[10_000, 100_000, 1_000_000] } else { &[10_000] };
        let large = large.iter().map(|&n| Point {
            variant: "",
            n,
            workers: Workers::one_per_core(),
            placement: Placement::Free,
        });
        points.extend(large);
    }
    // One group of criterion's after the other.
    points.sort_by_key(|point| (point.placement, point.workers));
    points
}

/// One worker and one for each core, wherever the system puts them; and one worker, everything on one core.
fn places(full: bool) -> Vec<(Workers, Placement)> {
    let (one, all) = (Workers::ONE, Workers::one_per_core());
    let mut places = vec![(one, Placement::Free), (all, Placement::Free), (one, Placement::OneCore)];
    if full {
        places.push((all, Placement::OneCore));
    }
    places.retain(|(_, placement)| Placement::POSSIBLE.contains(placement));
    places.dedup();
    places
}

/// 1, 2, 4 ... workers, to twice the cores: the last ones are more than can run, on purpose.
fn compute_places() -> Vec<(Workers, Placement)> {
    worker_counts().map(|workers| (workers, Placement::Free)).collect()
}

/// 1, 2, 4 ... to twice the cores.
pub(super) fn worker_counts() -> impl Iterator<Item = Workers> {
    let most = 2 * Workers::one_per_core().number();
    std::iter::successors(Some(1), |count| Some(count * 2))
        .take_while(move |count| *count <= most)
        .filter_map(|count| Workers::new(count).ok())
}

/// One setting of an observed workload, for all models.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) variant: &'static str,
    pub(super) n: u64,
    pub(super) workers: Workers,
    pub(super) placement: Placement,
    /// Bytes, where the setting varies it.
    pub(super) stack: Option<usize>,
    /// How often each child is asked.
    pub(super) times: usize,
    /// Whether Go preempts; with anything but the default it is for Go alone.
    pub(super) preemption: Preemption,
}

impl Look {
    /// What distinguishes it for threads, which have no workers.
    pub(super) fn but_for_workers(&self) -> (&'static str, u64, Placement, Option<usize>) {
        (self.variant, self.n, self.placement, self.stack)
    }
}

/// The settings of an observation. Most are placed freely, since what they show are no times.
pub(super) fn observed(observation: &str, depth: Depth) -> Vec<Look> {
    const KIB: usize = 1 << 10;
    const MIB: usize = 1 << 20;
    let full = depth == Depth::Full;
    let (one, all) = (Workers::ONE, Workers::one_per_core());
    let look = |variant, n, workers| Look {
        variant,
        n,
        workers,
        placement: Placement::Free,
        stack: None,
        times: 1,
        preemption: Preemption::Default,
    };
    let looks = |times: usize, each: &dyn Fn(Workers) -> Look| -> Vec<Look> {
        let counts: Vec<Workers> = if full { worker_counts().collect() } else { vec![one, all] };
        let mut looks: Vec<Look> = counts.into_iter().map(|workers| Look { times, ..each(workers) }).collect();
        looks.dedup_by_key(|look| look.workers);
        looks
    };
    match observation {
        super::SYSTEM_CALLS => vec![look("inside", 1000, one), look("inside", 1000, all)],
        "parked" => {
            vec![look("slope", 1000, all), look("slope", 10_000, all), look("how_many", 1_000_000, all)]
        }
        "stack" => {
            let sizes: &[usize] = if full {
                &[4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 256 * KIB, MIB, 2 * MIB, 8 * MIB]
            } else {
                &[64 * KIB, 2 * MIB]
            };
            let touched: &[usize] =
                if full { &[KIB, 4 * KIB, 16 * KIB, 64 * KIB, 512 * KIB, 4 * MIB] } else { &[KIB, 32 * KIB] };
            let sized = |variant, n: usize, stack| Look { stack: Some(stack), ..look(variant, n as u64, one) };
            let mut looks = Vec::new();
            for &stack in sizes {
                // What is touched must leave room for the frames around it.
                let touched = touched.iter().filter(|bytes| **bytes + 2 * KIB <= stack);
                looks.extend(touched.map(|&bytes| sized("touch", bytes, stack)));
            }
            looks.extend(sizes.iter().map(|&stack| sized("deepest", 512, stack)));
            looks.push(sized("overflow", 512, 64 * KIB));
            looks.push(look("default", 1, one));
            looks.push(sized("growing", 64 * MIB, 64 * KIB));
            looks
        }
        "zero_one" => looks(3, &|workers| look("", 10_000, workers)),
        "hog" => {
            let mut hogs = Vec::new();
            for variant in ["calls", "no-calls"] {
                let mut placed = looks(3, &|workers| look(variant, 100, workers));
                // On several cores a thread or a worker may have its own; on one, something must take it from the hog.
                if Placement::POSSIBLE.contains(&Placement::OneCore) {
                    placed.push(Look { placement: Placement::OneCore, times: 3, ..look(variant, 100, one) });
                }
                let preemptions = [Preemption::Default, Preemption::AsyncPreemptOff];
                hogs.extend(placed.iter().flat_map(|look| preemptions.map(|preemption| Look { preemption, ..*look })));
            }
            hogs
        }
        "blocking" => {
            let counts = if full { vec![one, all] } else { vec![one] };
            let variants = ["sleep", "syscall", "offload"];
            variants.iter().flat_map(|&variant| counts.iter().map(move |&workers| look(variant, 64, workers))).collect()
        }
        "identity" => looks(3, &|workers| look("", 100, workers)),
        "lock_across_yield" => vec![look("os", 2, one), look("own", 2, one)],
        "facade" => vec![
            look("spawn", 1000, one),
            look("spawn", 1, one),
            look("spawn", 1000, all),
            look("spawn", 1, all),
            look("yield", 10_000, one),
            look("yield", 10_000, all),
        ],
        "default_workers" => vec![look("", 1, one)],
        "memo_fill" => {
            let sizes: &[u64] = match depth {
                Depth::Trial => &[1_000],
                Depth::Quick => &[1_000_000],
                Depth::Full => &[1_000, 100_000, 1_000_000],
            };
            let fill = |&n: &u64| memo_fill::FILLED.iter().map(move |memo| look(memo, n, one));
            sizes.iter().flat_map(fill).collect()
        }
        "runtime_herd" => {
            let sizes: &[u64] = if full { &[1, 10, 100, 1000, 10_000] } else { &[1, 100, 10_000] };
            of_memos(sizes, &places(full), depth)
        }
        "runtime_http" => of_memos(&[10_000], &places(full), depth),
        "pipeline_most" => vec![look("most", 1_000_000, all)],
        _ => unreachable!("{observation} is not observed"),
    }
}

/// Both memos, with each `n`, in each place: three times, but a crowd once where time is short.
fn of_memos(sizes: &[u64], places: &[(Workers, Placement)], depth: Depth) -> Vec<Look> {
    let mut looks = Vec::new();
    for variant in ["memo2", "memo3"] {
        for &n in sizes {
            let times = if n >= 1000 && depth != Depth::Full { 1 } else { 3 };
            let look = |&(workers, placement)| Look {
                variant,
                n,
                workers,
                placement,
                stack: None,
                times,
                preemption: Preemption::Default,
            };
            looks.extend(places.iter().map(look));
        }
    }
    looks
}
