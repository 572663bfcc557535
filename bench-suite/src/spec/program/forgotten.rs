//! A key is forgotten: when its value is there, and while its call is under way.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use anyhow::{bail, ensure};

use crate::spec::CannotBe;
use crate::spec::world::{Gate, all_wait, herd, memo};
use crate::subject::Registry;

/// How long the last caller may take to begin its wait. With some memos it never waits.
const PATIENCE: Duration = Duration::from_millis(200);

const KEY: usize = 7;

const CANNOT_FORGET: CannotBe = CannotBe("this memo has no way to forget a key, or not while others share it");

/// The key is forgotten when its value is there. The value is the number of the call that computed it.
pub(crate) async fn ready_key<R: Registry>() -> anyhow::Result<()> {
    let calls = AtomicUsize::new(0);
    let memo = memo::<R, usize, usize, _>(move |_| ready(calls.fetch_add(1, SeqCst)));
    let other = memo.get(&(KEY + 1)).await;
    for call in 1..10 {
        for _ in 0..3 {
            let value = memo.get(&KEY).await;
            ensure!(
                value == call,
                "the memo should have kept the value of call {call}, and a caller got the value of call {value}"
            );
        }
        if !memo.forget(&KEY) {
            bail!(CANNOT_FORGET);
        }
    }
    ensure!(memo.get(&(KEY + 1)).await == other, "the memo forgot another key as well");
    Ok(())
}

/// The gates of [`in_f`].
#[derive(Clone, Default)]
struct Gates {
    inside: Gate,
    forgotten: Gate,
    old_may_end: Gate,
    old_has_ended: Gate,
    new_may_end: Gate,
}

/// The key is forgotten while call 0 is under way. The next caller makes call 1, and call 0 ends while call 1 is under
/// way. The third caller asks when call 0 has ended, and must wait for call 1.
pub(crate) async fn in_f<R: Registry>() -> anyhow::Result<()> {
    let (calls, gates) = (Arc::new(AtomicUsize::new(0)), Gates::default());
    let memo = memo::<R, usize, usize, _>({
        let (calls, gates) = (calls.clone(), gates.clone());
        move |_| {
            let (call, gates) = (calls.fetch_add(1, SeqCst), gates.clone());
            async move {
                gates.inside.arrive();
                if let Some(may_end) = [&gates.old_may_end, &gates.new_may_end].get(call) {
                    may_end.wait_for(1).await;
                }
                call
            }
        }
    });
    let ask = |caller| {
        let (memo, gates) = (memo.clone(), gates.clone());
        async move {
            match caller {
                0 => {
                    let value = memo.get(&KEY).await;
                    gates.old_has_ended.arrive();
                    Some(value)
                }
                1 => {
                    gates.forgotten.wait_for(1).await;
                    Some(memo.get(&KEY).await)
                }
                2 => {
                    gates.old_has_ended.wait_for(1).await;
                    Some(memo.get(&KEY).await)
                }
                _ => {
                    gates.inside.wait_for(1).await;
                    let could = memo.forget(&KEY);
                    gates.forgotten.arrive();
                    if could {
                        gates.inside.wait_for(2).await;
                    }
                    gates.old_may_end.arrive();
                    // Two callers wait then: the leader of the new call in f, and the third caller for that call.
                    gates.old_has_ended.wait_for(1).await;
                    all_wait(2, PATIENCE).await;
                    gates.new_may_end.arrive();
                    could.then_some(1)
                }
            }
        }
    };
    let got = herd(4, ask).await;
    if got[3].is_none() {
        bail!(CANNOT_FORGET);
    }
    let calls = calls.load(SeqCst);
    ensure!(got[0] == Some(0), "the old call's caller got the value of call {:?}", got[0]);
    ensure!(got[1] == Some(1), "the caller that asked after the key was forgotten got the value of call {:?}", got[1]);
    ensure!(
        calls == 2,
        "{calls} calls of f: while the new call was under way, the end of the old call made room for another"
    );
    ensure!(
        got[2] == Some(1),
        "the caller that asked when the old call had ended got its value, which had been forgotten"
    );
    let kept = memo.get(&KEY).await;
    ensure!(kept == 1, "the memo keeps the value of call {kept} and not that of the new call");
    Ok(())
}
