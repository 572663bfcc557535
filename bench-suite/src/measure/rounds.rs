//! Interleaved rounds: in each round every contestant runs once.
//!
//! The speed of a machine drifts, with its temperature, and in a virtual machine with the load of its neighbours.
//! If subjects were measured one after the other, they would be compared at different speeds. So each round
//! measures every contestant for some milliseconds, in an order that rotates from round to round. A ratio is taken
//! within a round, in which the machine's speed hardly changes. Tables show the median of the ratios of all
//! rounds.

use std::time::Duration;

use green_threads::probe::protocol::Answer;

use crate::store::Estimate;

/// A subject that takes part in the rounds.
pub(super) trait Contestant: Send {
    /// The subject's name.
    fn name(&self) -> &'static str;

    /// Runs `iterations` iterations, and answers with their time and with what it counted meanwhile. The threads or
    /// units that do the work read the clock.
    fn run(&mut self, iterations: u64) -> Answer;
}

/// What one contestant did in one round.
#[derive(Clone, Debug)]
pub(super) struct Lap {
    /// The time of one iteration.
    pub(super) nanoseconds: f64,
    /// What it answered.
    pub(super) answer: Answer,
}

impl Lap {
    /// The lap of so many iterations.
    pub(super) fn new(answer: Answer, iterations: u64) -> Lap {
        Lap { nanoseconds: answer.nanoseconds / iterations as f64, answer }
    }
}

/// How many rounds there are, and how long each contestant runs in a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) rounds: usize,
    pub(super) length: Length,
}

/// How long a contestant runs in a round.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    /// For about this long. Before the rounds, each contestant's number of iterations is calibrated to take this
    /// time.
    About(Duration),
    /// For this many iterations.
    Iterations(u64),
}

/// Runs the rounds. Returns a list of laps for each contestant, with one lap for each round.
pub(super) fn run(
    contestants: &mut [Box<dyn Contestant + '_>],
    plan: Plan,
    tick: &(dyn Fn(f64) + Sync),
) -> Vec<Vec<Lap>> {
    let iterations: Vec<u64> = contestants.iter_mut().map(|contestant| calibrated(contestant, plan.length)).collect();
    let mut laps = vec![Vec::with_capacity(plan.rounds); contestants.len()];
    for round in 0..plan.rounds {
        for turn in 0..contestants.len() {
            // The order rotates, so that no contestant always runs first.
            let at = (turn + round) % contestants.len();
            laps[at].push(Lap::new(contestants[at].run(iterations[at]), iterations[at]));
            tick((round * contestants.len() + turn + 1) as f64 / (plan.rounds * contestants.len()) as f64);
        }
    }
    laps
}

/// Returns how many iterations a contestant runs in a round. Measuring this also warms the contestant up.
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
        let nanoseconds = contestant.run(iterations).nanoseconds;
        let aim = aim.as_nanos() as f64;
        if nanoseconds >= aim / 4.0 {
            let share = aim / nanoseconds;
            return ((iterations as f64 * share) as u64).max(1);
        }
        iterations *= 4;
    }
}

/// Divides each time by the time of the contestant with index `reference` in the same round.
pub(super) fn ratios_to(times: &[Vec<f64>], reference: usize) -> Vec<Vec<f64>> {
    let ratios =
        |times: &Vec<f64>, reference: &[f64]| times.iter().zip(reference).map(|(time, by)| time / by).collect();
    times.iter().map(|own| ratios(own, &times[reference])).collect()
}

/// Divides each time by the time of the best contestant in the same round. The best contestant is the one with the
/// smallest median.
///
/// The divisor is the time of one contestant, not an average of all. An average would move with any contestant
/// that has two speeds, and so change the ratios of the others.
pub(super) fn ratios_to_best(times: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let median = |of: &usize| Estimate::of(&times[*of]).median;
    let best = (0..times.len()).min_by(|one, other| median(one).total_cmp(&median(other)));
    best.map_or_else(Vec::new, |best| ratios_to(times, best))
}

#[cfg(test)]
mod tests {
    use green_threads::workload::Quantity;

    use super::*;
    use std::sync::{Arc, Mutex};

    /// A contestant whose iterations all take the same time. It notes in the diary when it runs.
    struct Fixed {
        name: &'static str,
        each: Duration,
        diary: Arc<Mutex<Vec<(&'static str, u64)>>>,
    }

    impl Contestant for Fixed {
        fn name(&self) -> &'static str {
            self.name
        }
        fn run(&mut self, iterations: u64) -> Answer {
            self.diary.lock().unwrap().push((self.name, iterations));
            let answer = Answer::time(self.each * u32::try_from(iterations).unwrap());
            answer.quantity(Quantity::count("sevens", "sevens"), 7.0)
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
        let laps = run(&mut contestants, Plan { rounds: 3, length }, &|_| {});

        for (laps, nanoseconds) in laps.iter().zip([10.0, 1000.0]) {
            assert_eq!(laps.len(), 3);
            assert!(laps.iter().all(|lap| (lap.nanoseconds - nanoseconds).abs() < 1e-6));
            assert!(laps.iter().all(|lap| lap.answer.quantities["sevens"] == 7.0));
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

    /// Results like these once occurred for a ring of two units. A third contestant, which is fast in half of the
    /// rounds, made 119 ns look better than 104 ns, because all times were divided by an average of all
    /// contestants.
    #[test]
    fn one_with_two_speeds_does_not_change_what_is_said_of_others() {
        let two_speeds = |round: usize| if round < 6 { 5_000.0 } else { 200.0 };
        // The slower of the two is faster in the rounds in which the third contestant is slow.
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
