//! The choice that a child makes once: the callers and the subject.

use std::sync::OnceLock;

use crate::subject::{About, AsyncSubject, Callers, OneThread, Registry, Subject, Visitor};

/// What this process tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) callers: Callers,
    /// The subject's name.
    pub(crate) name: &'static str,
    /// Whether only one thread at a time can use it.
    pub(crate) is_for_one_thread: bool,
}

static CHOSEN: OnceLock<Chosen> = OnceLock::new();

/// Has this process try the subject of this name from `callers`. `None` if they have no such subject.
pub(crate) fn choose<R: Registry>(callers: Callers, name: &str) -> Option<Chosen> {
    let mut find = Find { callers, name, found: None };
    R::visit(&mut find);
    CHOSEN.set(find.found?).ok()?;
    Some(chosen())
}

/// What this process tries.
pub(super) fn chosen() -> Chosen {
    *CHOSEN.get().expect("a child chooses before it tries")
}

/// The callers of this process.
pub(crate) fn callers() -> Callers {
    chosen().callers
}

struct Find<'a> {
    callers: Callers,
    name: &'a str,
    found: Option<Chosen>,
}

impl Find<'_> {
    fn is_found(&mut self, about: About, is_for_one_thread: bool) -> bool {
        let found = about.name == self.name && about.is_called_by(self.callers);
        if found {
            self.found = Some(Chosen { callers: self.callers, name: about.name, is_for_one_thread });
        }
        found
    }
}

impl Visitor for Find<'_> {
    fn shared<S: Subject>(&mut self) {
        if self.is_found(<S as Subject>::ABOUT, false) {
            S::prepare();
        }
    }
    fn one_thread<S: OneThread>(&mut self) {
        self.is_found(S::ABOUT, true);
    }
    fn task<S: AsyncSubject>(&mut self) {
        self.is_found(S::ABOUT, false);
    }
}
