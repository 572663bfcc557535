//! Records how this crate is built: the compiler, the profile, and the version of every crate. Each file of results
//! contains these facts.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    built::write_built_file()?;
    Ok(())
}
