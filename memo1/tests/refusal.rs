//! The compiler refuses a program in which two threads share `memo1::Memo`, and the book prints what it says.

use std::path::Path;
use std::process::Command;

/// The compiler whose words `ui/two_threads.stderr` holds.
const WORDS_OF: &str = "rustc 1.95.";

/// With the compiler of those words, they must be these to the letter. Another release may put it in other words, and
/// one with the `rust-src` component quotes the standard library besides; there this test says so and leaves the
/// refusal itself to `not_sync` below.
#[test]
fn in_the_compilers_words() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let says = |flags: &[&str]| {
        let output = Command::new(&rustc).args(flags).output().expect("rustc runs: it built this test");
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    };
    let version = says(&["--version"]);
    let has_source = Path::new(&says(&["--print", "sysroot"])).join("lib/rustlib/src").exists();
    if !version.starts_with(WORDS_OF) || has_source {
        println!("not compared: ui/two_threads.stderr holds the words of {WORDS_OF}x without rust-src");
        println!("this is {version}{}", if has_source { " with rust-src" } else { "" });
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/two_threads.rs");
}

/// The refusal itself, whatever the compiler: `Memo` is `Send` and not `Sync`.
///
/// Where `T: Sync` holds, both impls below apply, and the method call is ambiguous: this file does not compile.
#[test]
fn not_sync() {
    trait IfNotSync<A> {
        fn holds() -> bool {
            true
        }
    }
    struct Sync_;
    impl<T: ?Sized> IfNotSync<()> for T {}
    impl<T: ?Sized + Sync> IfNotSync<Sync_> for T {}

    fn send<T: Send>() {}

    type Memo = memo1::Memo<String, usize, fn(&String) -> usize>;
    assert!(<Memo as IfNotSync<_>>::holds());
    send::<Memo>();
}
