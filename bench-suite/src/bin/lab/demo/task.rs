//! Asking from async tasks: each is suspended at an `.await` while it waits, and its worker runs others.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use bench_suite::pages::task::Client;
use futures_util::FutureExt;
use tokio::runtime::Runtime;

use super::Algorithm;
use super::pages::{Answers, Calls, Fetched, Pages, Show};
use super::report::{Answer, Part};

const UNIT: &str = "task";

tokio::task_local! {
    /// There while this task is a caller that waits for the memo. If so while `f` runs in it, `f` runs on its caller.
    static WAITS_FOR_THE_MEMO: ();
}

/// A memo, as its callers see it: a function whose answer is awaited.
type Memo = dyn Fn(String) -> Pin<Box<dyn Future<Output = Fetched> + Send>> + Send + Sync;

/// One caller for everything, or for each question a caller: each a task of its own.
pub(super) fn ask(
    pages: &Arc<Pages>,
    runtime: &Runtime,
    algorithm: Algorithm,
    concurrent: bool,
    show: Show<'_>,
) -> Part {
    // memo3's monitor is a task too, of the runtime in which the memo is made.
    let _inside = runtime.enter();
    let calls = pages.begin();
    let memo = memo(algorithm, pages, &calls);
    let mut answers = Answers::begin();
    let (tell, told) = mpsc::channel();
    for questions in pages.callers(concurrent) {
        let (to, memo, pages) = (tell.clone(), memo.clone(), pages.clone());
        runtime.spawn(async move {
            for page in questions {
                let answer = ask_for(&pages, &*memo, page).await;
                // An error would mean that nobody listens any more, and so that nobody misses this.
                let _ = to.send((answer, Instant::now()));
            }
        });
    }
    answers.count_threads();
    // The last of the callers ends the loop, once this end of the channel is not kept open here as well.
    drop(tell);
    for (answer, ended) in told {
        answers.add(answer, ended, show);
    }
    pages.end(&calls, answers, UNIT)
}

fn memo(algorithm: Algorithm, pages: &Pages, calls: &Arc<Calls>) -> Arc<Memo> {
    let (calls, client) = (calls.clone(), Client::new(pages.limits));
    let f = move |url: &String| {
        let (calls, client, url) = (calls.clone(), client.clone(), url.clone());
        async move {
            calls.count(&url, WAITS_FOR_THE_MEMO.try_with(|()| ()).is_ok());
            client.get_body(&url).await
        }
    };
    match algorithm {
        Algorithm::Memo2 => {
            let memo = Arc::new(memo2::task::Memo::new(f));
            Arc::new(move |url| {
                let memo = memo.clone();
                Box::pin(async move { memo.get(&url).await })
            })
        }
        Algorithm::Memo3 => {
            let memo = Arc::new(memo3::task::Memo::new(f));
            Arc::new(move |url| {
                let memo = memo.clone();
                Box::pin(async move { memo.get(url).await })
            })
        }
    }
}

/// Asks `memo` for page number `page`, and takes the time.
async fn ask_for(pages: &Pages, memo: &Memo, page: usize) -> Answer {
    let start = Instant::now();
    let fetched = WAITS_FOR_THE_MEMO.scope((), memo(pages.urls[page].clone()));
    let fetched = AssertUnwindSafe(fetched).catch_unwind().await;
    pages.answer(page, start.elapsed(), fetched)
}
