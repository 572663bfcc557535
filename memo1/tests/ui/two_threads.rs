use std::thread;

use memo1::Memo;

fn main() {
    let memo = Memo::new(|url: &String| url.len());
    thread::scope(|scope| {
        scope.spawn(|| memo.get(&"https://go.dev/".to_string()));
        scope.spawn(|| memo.get(&"https://go.dev/".to_string()));
    });
}
