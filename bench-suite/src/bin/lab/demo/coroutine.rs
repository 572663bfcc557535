//! Asking from coroutines: each is suspended while it waits, and its worker runs others. The code is that of threads.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use bench_suite::pages::coroutine::Client;
use green_threads::coroutine::{Runtime, coroutine_local};

use super::Algorithm;
use super::pages::{Answers, Calls, Fetched, Pages, Show};
use super::report::{Answer, Part};

const UNIT: &str = "coroutine";

coroutine_local! {
    // Whether this coroutine is a caller that waits for the memo. If so while `f` runs on it, `f` runs on its caller.
    static WAITS_FOR_THE_MEMO: Cell<bool> = Cell::new(false)
}

/// A memo, as its callers see it: a function that suspends the coroutine that calls it.
type Memo = dyn Fn(&String) -> Fetched + Send + Sync;

/// One caller for everything, or for each question a caller: each on a coroutine of its own.
pub(super) fn ask(
    pages: &Arc<Pages>,
    runtime: &'static Runtime,
    algorithm: Algorithm,
    concurrent: bool,
    show: Show<'_>,
) -> Part {
    let calls = pages.begin();
    let memo = memo(algorithm, pages, &calls);
    let mut answers = Answers::begin();
    let (tell, told) = mpsc::channel();
    let mut callers = Vec::new();
    for questions in pages.callers(concurrent) {
        let first = questions[0];
        let (to, memo, asked) = (tell.clone(), memo.clone(), pages.clone());
        let body = move || {
            for page in questions {
                let answer = ask_for(&asked, &*memo, page);
                // An error would mean that nobody listens any more, and so that nobody misses this.
                let _ = to.send((answer, Instant::now()));
            }
        };
        // SAFETY: what lives across a wait are `Arc`s, numbers and the channel's end, all of them `Send`. The waits are
        // the memo's and the client's, which hold nothing of their thread meanwhile; the mark of a caller is the
        // coroutine's own. The stack is as large as the client says, which needs most of it.
        match unsafe { runtime.spawn(body) } {
            Ok(caller) => callers.push(caller),
            Err(error) => answers.add_missing(&pages.urls[first], UNIT, &error, show),
        }
    }
    answers.count_threads();
    // The last of the callers ends the loop, once this end of the channel is not kept open here as well.
    drop(tell);
    for (answer, ended) in told {
        answers.add(answer, ended, show);
    }
    for caller in callers {
        // Its answers have come. What could go wrong for it after the last of them is nobody's loss.
        let _ = caller.join();
    }
    pages.end(&calls, answers, UNIT)
}

fn memo(algorithm: Algorithm, pages: &Pages, calls: &Arc<Calls>) -> Arc<Memo> {
    let (calls, client) = (calls.clone(), Client::new(pages.limits));
    let f = move |url: &String| {
        calls.count(url, WAITS_FOR_THE_MEMO.with(Cell::get));
        client.get_body(url)
    };
    match algorithm {
        Algorithm::Memo2 => {
            let memo = memo2::coroutine::Memo::new(f);
            Arc::new(move |url| memo.get(url))
        }
        Algorithm::Memo3 => {
            // SAFETY: `f` counts and fetches, and the client holds nothing of its thread across its waits; `String` and
            // a body know nothing of threads, nor wait. The stack is as large as the client says.
            let memo = unsafe { memo3::coroutine::Memo::new(f) };
            Arc::new(move |url| memo.get(url.clone()))
        }
    }
}

/// Asks `memo` for page number `page`, and takes the time.
fn ask_for(pages: &Pages, memo: &Memo, page: usize) -> Answer {
    WAITS_FOR_THE_MEMO.with(|waits| waits.set(true));
    let start = Instant::now();
    let fetched = catch_unwind(AssertUnwindSafe(|| memo(&pages.urls[page])));
    let elapsed = start.elapsed();
    WAITS_FOR_THE_MEMO.with(|waits| waits.set(false));
    pages.answer(page, elapsed, fetched)
}
