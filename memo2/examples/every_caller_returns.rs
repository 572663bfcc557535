//! The waits that hang other memos, run on `robust::Memo`. The output shows what each caller gets instead, and
//! after how much time.
//!
//! `cargo run --release -p memo2 --example every_caller_returns`

use std::collections::HashMap;
use std::sync::{Arc, Barrier, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use memo2::robust::{Call, Error, Memo};

type Sum = Result<u64, Error>;
type F = Box<dyn Fn(&Call, &u64) -> Sum + Send + Sync>;

/// A memo whose `f` can ask it. A list says which keys each key asks for.
struct Asking {
    memo: OnceLock<Memo<u64, Sum, F>>,
    /// Each refusal, and the time between the question and the refusal.
    refused: Mutex<Vec<(Error, Duration)>>,
}

/// Runs one case. Each of `callers` asks for one key from a thread of its own, and the call of each key asks for
/// the keys that `asks` lists for it. No call asks before the calls of all `callers`' keys have begun.
fn run(what: &str, callers: &[u64], asks: &[(u64, &[u64])]) {
    let asks: HashMap<u64, Vec<u64>> =
        asks.iter().map(|(key, others)| (*key, others.to_vec())).collect();
    let (inside, first) = (Barrier::new(callers.len()), callers.to_vec());
    let asking = Arc::new(Asking { memo: OnceLock::new(), refused: Mutex::default() });
    let weak = Arc::downgrade(&asking);
    let f: F = Box::new(move |call, key| {
        let asking = weak.upgrade().expect("a caller owns the memo");
        if first.contains(key) {
            inside.wait();
        }
        let mut sum = *key;
        for other in &asks[key] {
            let start = Instant::now();
            let got = call.get(
                asking.memo.get().expect("the memo is made before it is asked"),
                other,
            );
            if let Err(error @ Error::Cycle { .. }) = &got {
                asking.refused.lock().unwrap().push((error.clone(), start.elapsed()));
            }
            sum += got??;
        }
        Ok(sum)
    });
    assert!(asking.memo.set(Memo::new(f)).is_ok());
    let got: Vec<Sum> = thread::scope(|scope| {
        let ask = |key: &u64| {
            let (asking, key) = (&asking, *key);
            scope.spawn(move || asking.memo.get().expect("the memo is made").get(&key)?)
        };
        let callers: Vec<_> = callers.iter().map(ask).collect();
        callers
            .into_iter()
            .map(|caller| caller.join().expect("no caller panics"))
            .collect()
    });
    let values = got.iter().filter(|got| got.is_ok()).count();
    println!("{what}: {} callers returned, {values} with a value", got.len());
    for (error, after) in asking.refused.lock().unwrap().iter() {
        println!("    {after:>9.1?}  {error}");
    }
}

fn main() {
    run("a key that asks for itself", &[1], &[(1, &[1])]);
    run("A, B, A, from one caller", &[1], &[(1, &[2]), (2, &[1])]);
    run("A to B and B to A, from two callers", &[1, 2], &[(1, &[2]), (2, &[1])]);
    run("a ring of three callers", &[1, 2, 3], &[(1, &[2]), (2, &[3]), (3, &[1])]);
    run("a diamond", &[1], &[(1, &[2, 3]), (2, &[4]), (3, &[4]), (4, &[])]);
    run("f asks for other keys", &[1], &[(1, &[2]), (2, &[3]), (3, &[])]);

    // A leader hangs in the middle of its call. A waiter with a deadline returns nevertheless.
    let (go_on, stuck) = mpsc::channel::<()>();
    let stuck = Mutex::new(stuck);
    let memo = Memo::new(|_: &Call, _: &u64| _ = stuck.lock().unwrap().recv());
    thread::scope(|scope| {
        let leader = scope.spawn(|| memo.get(&1));
        while memo.stats().in_flight == 0 {
            thread::yield_now();
        }
        let deadline = Instant::now() + Duration::from_millis(20);
        let error = memo.get_until(&1, deadline).expect_err("its leader does not return");
        println!("a leader that does not go on: a waiter with a deadline returned");
        println!("    {:>9.1?}  {error}", deadline.elapsed());
        drop(go_on);
        leader
            .join()
            .expect("the leader does not panic")
            .expect("the leader has no limit");
    });
}
