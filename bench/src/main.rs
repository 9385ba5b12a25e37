use std::process::ExitCode;

fn main() -> ExitCode {
    bench::bench()
}
