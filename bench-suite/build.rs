//! Writes down what this crate is built with: the compiler, the profile, and the version of every crate. Each file of
//! results names them.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    built::write_built_file()?;
    Ok(())
}
