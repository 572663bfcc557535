//! Interleaved rounds: everybody once, then everybody once more.
//!
//! The speed of a machine drifts: by its temperature, and in a virtual machine by its neighbours. Measured one after
//! another, subjects would be compared at different speeds. So each round measures every contestant for some
//! milliseconds, in an order that turns from round to round; a ratio is taken within a round, where the machine's speed
//! hardly moves, and the median of the rounds' ratios is what tables show.

use std::time::Duration;

use crate::store::Estimate;

/// Somebody who takes part.
pub(super) trait Contestant: Send {
    /// The subject's name.
    fn name(&self) -> &'static str;

    /// Runs `iterations`, and says how long they took, as the workers' own clocks tell.
    fn run(&mut self, iterations: u64) -> Run;
}

/// What a contestant says of its iterations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The time of all of them.
    pub(super) time: Duration,
    /// Something that was counted in them, if the experiment counts.
    pub(super) count: Option<u64>,
}

/// One contestant in one round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// The time of one iteration.
    pub(super) nanoseconds: f64,
    /// As [`Run::count`].
    pub(super) count: Option<f64>,
}

/// How many rounds, and how long each contestant runs in each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) rounds: usize,
    pub(super) length: Length,
}

/// How long a contestant runs in a round.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    /// About this long: how many iterations that takes is found out first, for each contestant.
    About(Duration),
    /// This many iterations.
    Iterations(u64),
}

/// Runs the rounds; the answer has, for each contestant, a sample for each round.
pub(super) fn run(
    contestants: &mut [Box<dyn Contestant + '_>],
    plan: Plan,
    tick: &(dyn Fn(f64) + Sync),
) -> Vec<Vec<Sample>> {
    let iterations: Vec<u64> = contestants.iter_mut().map(|contestant| calibrated(contestant, plan.length)).collect();
    let mut samples = vec![Vec::with_capacity(plan.rounds); contestants.len()];
    for round in 0..plan.rounds {
        for turn in 0..contestants.len() {
            // Who comes first changes, so that nobody always follows the same neighbour.
            let at = (turn + round) % contestants.len();
            let run = contestants[at].run(iterations[at]);
            samples[at].push(Sample {
                nanoseconds: run.time.as_nanos() as f64 / iterations[at] as f64,
                count: run.count.map(|count| count as f64),
            });
            tick((round * contestants.len() + turn + 1) as f64 / (plan.rounds * contestants.len()) as f64);
        }
    }
    samples
}

/// How many iterations one round takes. Finding it out also warms the contestant up.
fn calibrated(contestant: &mut Box<dyn Contestant + '_>, length: Length) -> u64 {
    let aim = match length {
        Length::Iterations(iterations) => {
            contestant.run(iterations);
            return iterations;
        }
        Length::About(aim) => aim,
    };
    let mut iterations = 1;
    loop {
        let time = contestant.run(iterations).time;
        if time >= aim / 4 {
            let share = aim.as_secs_f64() / time.as_secs_f64();
            return ((iterations as f64 * share) as u64).max(1);
        }
        iterations *= 4;
    }
}

/// How many times the time of number `reference` each time is, round by round.
pub(super) fn ratios_to(times: &[Vec<f64>], reference: usize) -> Vec<Vec<f64>> {
    let ratios =
        |times: &Vec<f64>, reference: &[f64]| times.iter().zip(reference).map(|(time, by)| time / by).collect();
    times.iter().map(|own| ratios(own, &times[reference])).collect()
}

/// How many times the time of the best each time is, round by round, where nobody is the reference from the start. The
/// best is the one whose median is the least.
///
/// Each is divided by the best's time of the same round and by nothing else: an average over all of them would move with
/// any one that has two speeds, and change what is said of the others.
pub(super) fn ratios_to_best(times: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let median = |of: &usize| Estimate::of(&times[*of]).median;
    let best = (0..times.len()).min_by(|one, other| median(one).total_cmp(&median(other)));
    best.map_or_else(Vec::new, |best| ratios_to(times, best))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A contestant whose every iteration takes the same time, and who writes down when it ran.
    struct Fixed {
        name: &'static str,
        each: Duration,
        diary: Arc<Mutex<Vec<(&'static str, u64)>>>,
    }

    impl Contestant for Fixed {
        fn name(&self) -> &'static str {
            self.name
        }
        fn run(&mut self, iterations: u64) -> Run {
            self.diary.lock().unwrap().push((self.name, iterations));
            Run { time: self.each * u32::try_from(iterations).unwrap(), count: Some(7) }
        }
    }

    #[test]
    fn everybody_runs_once_a_round_in_a_turning_order() {
        let diary = Arc::default();
        let mut contestants: Vec<Box<dyn Contestant>> = Vec::new();
        for (name, nanoseconds) in [("fast", 10), ("slow", 1000)] {
            contestants.push(Box::new(Fixed {
                name,
                each: Duration::from_nanos(nanoseconds),
                diary: Arc::clone(&diary),
            }));
        }
        let length = Length::About(Duration::from_micros(100));
        let samples = run(&mut contestants, Plan { rounds: 3, length }, &|_| {});

        for (samples, nanoseconds) in samples.iter().zip([10.0, 1000.0]) {
            assert_eq!(samples.len(), 3);
            assert!(samples.iter().all(|sample| (sample.nanoseconds - nanoseconds).abs() < 1e-6));
            assert!(samples.iter().all(|sample| sample.count == Some(7.0)));
        }
        let diary = diary.lock().unwrap();
        let rounds = &diary[diary.len() - 6..];
        let names: Vec<_> = rounds.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["fast", "slow", "slow", "fast", "fast", "slow"]);
        assert!(rounds.iter().all(|(name, iterations)| *iterations == if *name == "fast" { 10_000 } else { 100 }));
    }

    fn medians(ratios: &[Vec<f64>]) -> Vec<f64> {
        ratios.iter().map(|rounds| Estimate::of(rounds).median).collect()
    }

    /// The machine is half as fast in the second round, and one contestant has a bad third round.
    #[test]
    fn ratios_are_taken_within_a_round() {
        let times = [vec![10.0, 20.0, 10.0], vec![30.0, 60.0, 90.0]];
        assert_eq!(ratios_to(&times, 0)[1], [3.0, 3.0, 9.0]);
        assert_eq!(medians(&ratios_to_best(&times)), [1.0, 3.0]);
    }

    /// As a ring of two once was: a third contestant, which is fast in half of the rounds, made 119 ns look better than
    /// 104 ns, when all were divided by an average of all.
    #[test]
    fn one_with_two_speeds_does_not_change_what_is_said_of_others() {
        let two_speeds = |round: usize| if round < 6 { 5_000.0 } else { 200.0 };
        // The slower of the two is lucky in the rounds in which the third one is slow.
        let slower = |round: usize| if round < 6 { 118.0 } else { 121.0 };
        let faster = |round: usize| if round < 6 { 130.0 } else { 104.0 };
        let times = [slower, faster, two_speeds].map(|time: fn(usize) -> f64| (0..11).map(time).collect::<Vec<f64>>());
        let alone = ratios_to_best(&times[..2]);
        assert_eq!(alone, ratios_to_best(&times)[..2]);
        assert!(medians(&alone)[0] <= 1.0, "its median is the least: {alone:?}");
    }

    #[test]
    fn without_contestants_there_are_no_ratios() {
        assert!(ratios_to_best(&[]).is_empty());
    }
}
