//! A key is forgotten: when its value is there, and while its call is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use anyhow::{bail, ensure};

use crate::spec::CannotBe;
use crate::spec::gate::{Gate, asleep, herd};
use crate::subject::{Memo, Subject};

/// How long the last caller has to begin to wait, if it is one who waits.
const PATIENCE: Duration = Duration::from_millis(200);

const KEY: usize = 7;

const CANNOT_FORGET: CannotBe = CannotBe("this memo has no way to forget a key, or not while others share it");

/// Its value is the number of the call that computed it.
pub(super) fn ready<S: Subject>() -> anyhow::Result<()> {
    let calls = AtomicUsize::new(0);
    let memo = S::memo(Box::new(move |_: &usize| calls.fetch_add(1, SeqCst)));
    let other = memo.get(&(KEY + 1));
    for call in 1..10 {
        let values = [(); 3].map(|()| memo.get(&KEY));
        ensure!(values == [call; 3], "call {call} was to be kept, and callers got {values:?}");
        if !memo.forget(&KEY) {
            bail!(CANNOT_FORGET);
        }
    }
    ensure!(memo.get(&(KEY + 1)) == other, "another key was forgotten as well");
    Ok(())
}

/// Call 0 is under way when the key is forgotten, and ends when call 1 is under way for one who came after that. A
/// third caller comes when call 0 has ended, and waits for call 1.
pub(super) fn in_f<S: Subject>() -> anyhow::Result<()> {
    let (calls, [inside, old_may_end, new_may_end]) =
        (Arc::new(AtomicUsize::new(0)), [(); 3].map(|()| Gate::default()));
    let memo = S::memo({
        let (calls, inside) = (calls.clone(), inside.clone());
        let may_end = [old_may_end.clone(), new_may_end.clone()];
        Box::new(move |_: &usize| {
            let call = calls.fetch_add(1, SeqCst);
            inside.arrive();
            if let Some(may_end) = may_end.get(call) {
                may_end.wait_for(1);
            }
            call
        })
    });
    let (forgotten, old_has_ended) = (Gate::default(), Gate::default());
    let got = herd(4, |caller| match caller {
        0 => {
            let value = memo.get(&KEY);
            old_has_ended.arrive();
            Some(value)
        }
        1 => {
            forgotten.wait_for(1);
            Some(memo.get(&KEY))
        }
        2 => {
            old_has_ended.wait_for(1);
            Some(memo.get(&KEY))
        }
        _ => {
            inside.wait_for(1);
            let could = memo.forget(&KEY);
            forgotten.arrive();
            if could {
                inside.wait_for(2);
            }
            old_may_end.arrive();
            // Nobody else is left to come: the new call is in f, and the third caller waits for it.
            old_has_ended.wait_for(1);
            asleep(2, PATIENCE);
            new_may_end.arrive();
            could.then_some(1)
        }
    });
    if got[3].is_none() {
        bail!(CANNOT_FORGET);
    }
    let calls = calls.load(SeqCst);
    ensure!(got[0] == Some(0), "the old call's caller got the value of call {:?}", got[0]);
    ensure!(got[1] == Some(1), "who came after it was forgotten got the value of call {:?}", got[1]);
    ensure!(calls == 2, "{calls} calls of f: while the new one was under way, the old one's end made room for another");
    ensure!(got[2] == Some(1), "who came when the old call had ended got its value, which had been forgotten");
    let kept = memo.get(&KEY);
    ensure!(kept == 1, "the memo keeps the value of call {kept}, and not that of the new one");
    Ok(())
}
