//! `cargo xtask COMMAND`: the project's own commands. Each does its own set-up and cleans up after itself.

mod attack;
mod bench;
mod build;
mod counts;
mod demo;
mod dll;
mod fuzz;
mod lab;
mod labs;
mod licences;
mod package;
mod pwsh;
mod samba;
mod sanitize;
mod system;
mod test;
mod torture;
mod windows;
mod wine;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  build                the library as it is shipped, for this machine
       [--target win-x64]   group_writeback.dll, on Linux too (Debian's Rust and MinGW; installed where they are missing)
  demo                 the main job on an embedded tenant and directory, told through PowerShell
       [--directory samba]   the same on a real Active Directory: Samba (Debian, root; installed where it is missing)
  test [--skip PART]   everything: format, lints, Rust, C, PowerShell, a real Active Directory, hostile input
       (parts: fmt licences clippy rust samba powershell windows attack fuzz)
       [--only PART] [--dll FILE]   a Windows library for the part windows that is built already
  package              the module as it is published, in dist: folder, nupkg, zip, checksums
       [--target RID]..     platforms of its libraries (linux-x64 win-x64; this machine's alone unless told)
       [--dll FILE]         a Windows library that is built already
       [--out FOLDER]       elsewhere than in dist
  torture              kills and abi at full length: hours
  torture kills [N]    N (1,000) cycles killed at random points, each completed by the next
  torture abi [N] [--seed S]
                       N (10,000,000) random calls of the C ABI under AddressSanitizer, from a seed that is told
  torture fuzz [S]     every fuzz target for S (300) seconds
  bench [--quick]      speed, memory and cost of the shipped library against their limits (docs/performance.md)
        [--large] [--only a,b,..] [--json FILE]
  pwsh [FILE [ARG..]]  a PowerShell session (or script) with the module imported and connected to a lab
  help                 this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // Children in the terminal's process group get the signal too; staying alive lets us clean up after them.
    if let Err(error) = ctrlc::set_handler(system::note_interrupt) {
        eprintln!("xtask: no signal handler: {error}");
    }
    let result = match args.first().map(String::as_str) {
        Some("demo") => demo::run(&args[1..]),
        Some("build") => build::command(&args[1..]),
        Some("bench") => bench::run(&args[1..]),
        Some("test") => test::run(&args[1..]),
        Some("package") => package::run(&args[1..]),
        Some("torture") => torture::run(&args[1..]),
        Some("pwsh") => pwsh::session(&args[1..]),
        None | Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => Err(format!("unknown command '{other}'\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
