//! Callers that are async tasks: each is suspended at an `.await` while it waits, and its worker runs other tasks.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use bench_suite::pages::task::Client;
use bench_suite::subject::by_name::{self, BoxedMemo};
use bench_suite::subject::{AsyncFunction, Suite};
use futures_util::FutureExt;
use tokio::runtime::Runtime;

use super::findings::{Answer, Part};
use super::pages::{Answers, Calls, Fetched, Pages, Show};

const UNIT: &str = "task";

tokio::task_local! {
    /// Set while this task is a caller that waits for the memo. If `f` runs in such a task, it runs on its caller.
    static WAITS_FOR_THE_MEMO: ();
}

/// Asks for all pages with one caller, or with a caller for each question. Each caller is a task.
pub(super) fn ask(pages: &Arc<Pages>, runtime: &Runtime, memo: &str, concurrent: bool, show: Show<'_>) -> Part {
    // A memo may spawn tasks. They run on the runtime in which the memo is made.
    let _inside = runtime.enter();
    let calls = pages.begin();
    let memo = by_name::awaited::<Suite, _, _>(memo, f(pages, &calls)).expect("a memo for tasks was chosen");
    let mut answers = Answers::begin();
    let (tell, told) = mpsc::channel();
    for questions in pages.callers(concurrent) {
        let (to, memo, pages) = (tell.clone(), memo.clone(), pages.clone());
        runtime.spawn(async move {
            for page in questions {
                let answer = ask_for(&pages, &*memo, page).await;
                // An error means that the receiver is gone. Then the answer is no longer needed.
                let _ = to.send((answer, Instant::now()));
            }
        });
    }
    answers.count_threads();
    // After this drop only the callers hold senders, so the loop ends when the last caller has ended.
    drop(tell);
    for (answer, ended) in told {
        answers.add(answer, ended, show);
    }
    pages.end(&calls, answers, UNIT)
}

/// The function whose results the memo remembers.
fn f(pages: &Pages, calls: &Arc<Calls>) -> AsyncFunction<String, Fetched> {
    let (calls, client) = (calls.clone(), Client::new(pages.limits));
    Box::new(move |url: &String| {
        let (calls, client, url) = (calls.clone(), client.clone(), url.clone());
        async move {
            calls.count(&url, WAITS_FOR_THE_MEMO.try_with(|()| ()).is_ok());
            client.get_body(&url).await
        }
        .boxed()
    })
}

/// Asks `memo` for page number `page`, and measures how long that takes.
async fn ask_for(pages: &Pages, memo: &dyn BoxedMemo<String, Fetched>, page: usize) -> Answer {
    let start = Instant::now();
    let fetched = WAITS_FOR_THE_MEMO.scope((), memo.get_boxed(&pages.urls[page]));
    let fetched = AssertUnwindSafe(fetched).catch_unwind().await;
    pages.answer(page, start.elapsed(), fetched)
}
