//! Callers that are coroutines: each is suspended while it waits, and its worker runs other coroutines. The code is the
//! same as for threads.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use bench_suite::pages::coroutine::Client;
use bench_suite::subject::{Function, Memo, Suite, by_name};
use green_threads::coroutine::{Runtime, coroutine_local};

use super::findings::{Answer, Part};
use super::pages::{Answers, Calls, Fetched, Pages, Show};

const UNIT: &str = "coroutine";

coroutine_local! {
    // Whether this coroutine is a caller that waits for the memo. If `f` runs on such a coroutine, it runs on its
    // caller.
    static WAITS_FOR_THE_MEMO: Cell<bool> = Cell::new(false)
}

/// Asks for all pages with one caller, or with a caller for each question. Each caller is a coroutine.
pub(super) fn ask(pages: &Arc<Pages>, runtime: &'static Runtime, memo: &str, concurrent: bool, show: Show<'_>) -> Part {
    let calls = pages.begin();
    let memo = by_name::shared::<Suite, _, _>(memo, f(pages, &calls)).expect("a memo for coroutines was chosen");
    let mut answers = Answers::begin();
    let (tell, told) = mpsc::channel();
    let mut callers = Vec::new();
    for questions in pages.callers(concurrent) {
        let first = questions[0];
        let (to, memo, asked) = (tell.clone(), memo.clone(), pages.clone());
        let body = move || {
            for page in questions {
                let answer = ask_for(&asked, &*memo, page);
                // An error means that the receiver is gone. Then the answer is no longer needed.
                let _ = to.send((answer, Instant::now()));
            }
        };
        // SAFETY: only `Arc`s, numbers and the end of the channel live across a wait, and all of them are `Send`. The
        // memo and the client wait, and hold nothing of their thread meanwhile. The mark of a caller is the
        // coroutine's own. The stack is as large as the client asks for, which needs most of it.
        match unsafe { runtime.spawn(body) } {
            Ok(caller) => callers.push(caller),
            Err(error) => answers.add_missing(&pages.urls[first], UNIT, &error, show),
        }
    }
    answers.count_threads();
    // After this drop only the callers hold senders, so the loop ends when the last caller has ended.
    drop(tell);
    for (answer, ended) in told {
        answers.add(answer, ended, show);
    }
    for caller in callers {
        // Its answers have arrived. A failure after the last of them loses nothing.
        let _ = caller.join();
    }
    pages.end(&calls, answers, UNIT)
}

/// The function whose results the memo remembers. It is fit for coroutines, as a memo for them requires: it counts and
/// fetches, and the client holds nothing of its thread while it waits.
fn f(pages: &Pages, calls: &Arc<Calls>) -> Function<String, Fetched> {
    let (calls, client) = (calls.clone(), Client::new(pages.limits));
    Box::new(move |url: &String| {
        calls.count(url, WAITS_FOR_THE_MEMO.with(Cell::get));
        client.get_body(url)
    })
}

/// Asks `memo` for page number `page`, and measures how long that takes.
fn ask_for(pages: &Pages, memo: &dyn Memo<String, Fetched>, page: usize) -> Answer {
    WAITS_FOR_THE_MEMO.with(|waits| waits.set(true));
    let start = Instant::now();
    let fetched = catch_unwind(AssertUnwindSafe(|| memo.get(&pages.urls[page])));
    let elapsed = start.elapsed();
    WAITS_FOR_THE_MEMO.with(|waits| waits.set(false));
    pages.answer(page, elapsed, fetched)
}
