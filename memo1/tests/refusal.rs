//! The compiler refuses a program in which two threads share `memo1::Memo`. The book prints the compiler's message.

use std::path::Path;
use std::process::Command;

/// The compiler that wrote the message in `ui/two_threads.stderr`.
const WORDS_OF: &str = "rustc 1.95.";

/// With that compiler, the message must be the same to the letter. Another release may word it differently, and a
/// toolchain with the `rust-src` component also quotes the standard library. In these cases this test says so and
/// compares nothing; `not_sync` below still checks the refusal itself.
#[test]
fn in_the_compilers_words() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let says = |flags: &[&str]| {
        let output = Command::new(&rustc)
            .args(flags)
            .output()
            .expect("rustc runs: it built this test");
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    };
    let version = says(&["--version"]);
    let has_source =
        Path::new(&says(&["--print", "sysroot"])).join("lib/rustlib/src").exists();
    if !version.starts_with(WORDS_OF) || has_source {
        println!(
            "not compared: ui/two_threads.stderr is the message of {WORDS_OF}x without rust-src"
        );
        println!("this is {version}{}", if has_source { " with rust-src" } else { "" });
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/two_threads.rs");
}

/// The refusal itself, with any compiler: `Memo` is `Send` and not `Sync`.
///
/// For a type `T: Sync` both impls below apply, and the method call is ambiguous. So if `Memo` were `Sync`, this
/// file would not compile.
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
