//! Callers that are OS threads: each sleeps while it waits, and the kernel runs other threads.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::{self, Builder};
use std::time::Instant;

use bench_suite::pages::thread::Client;
use bench_suite::subject::{Function, Memo, Suite, by_name};

use super::findings::{Answer, Part};
use super::pages::{Answers, Calls, Fetched, Pages, Show};

const UNIT: &str = "thread";

thread_local! {
    /// Whether this thread is a caller that waits for the memo. If `f` runs on such a thread, it runs on its caller.
    static WAITS_FOR_THE_MEMO: Cell<bool> = const { Cell::new(false) };
}

/// Asks for each URL, and then for each URL again, with one caller: this thread.
pub(super) fn one_after_the_other(pages: &Pages, memo: &str, show: Show<'_>) -> Part {
    let calls = pages.begin();
    let memo = by_name::alone::<Suite, _, _>(memo, f(pages, &calls)).expect("a memo for threads was chosen");
    let mut answers = Answers::begin();
    for page in pages.incoming() {
        let answer = ask(pages, &*memo, page);
        answers.add(answer, Instant::now(), show);
    }
    answers.count_threads();
    pages.end(&calls, answers, UNIT)
}

/// Asks for each URL twice, with a caller for each question. Each caller is a thread.
pub(super) fn all_at_once(pages: &Pages, memo: &str, show: Show<'_>) -> Part {
    let calls = pages.begin();
    let memo =
        by_name::shared::<Suite, _, _>(memo, f(pages, &calls)).expect("a memo that threads can share was chosen");
    let mut answers = Answers::begin();
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for page in pages.incoming() {
            let to = tell.clone();
            let memo = &*memo;
            let caller = Builder::new().name(format!("caller-{page}")).spawn_scoped(scope, move || {
                let answer = ask(pages, memo, page);
                // An error means that the receiver is gone. Then the answer is no longer needed.
                let _ = to.send((answer, Instant::now()));
            });
            if let Err(error) = caller {
                answers.add_missing(&pages.urls[page], UNIT, &error, show);
            }
        }
        answers.count_threads();
        // After this drop only the callers hold senders, so the loop ends when the last caller has ended.
        drop(tell);
        for (answer, ended) in told {
            answers.add(answer, ended, show);
        }
    });
    pages.end(&calls, answers, UNIT)
}

/// The function whose results the memo remembers.
fn f(pages: &Pages, calls: &Arc<Calls>) -> Function<String, Fetched> {
    let (calls, client) = (calls.clone(), Client::new(pages.limits));
    Box::new(move |url: &String| {
        calls.count(url, WAITS_FOR_THE_MEMO.get());
        client.get_body(url)
    })
}

/// Asks `memo` for page number `page`, and measures how long that takes.
fn ask(pages: &Pages, memo: &dyn Memo<String, Fetched>, page: usize) -> Answer {
    WAITS_FOR_THE_MEMO.set(true);
    let start = Instant::now();
    // The memo may be a student's first one. If it panics, only this caller fails.
    let fetched = catch_unwind(AssertUnwindSafe(|| memo.get(&pages.urls[page])));
    let elapsed = start.elapsed();
    WAITS_FOR_THE_MEMO.set(false);
    pages.answer(page, elapsed, fetched)
}
