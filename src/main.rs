//! The program: everything is in the library, the commands in its module `cli`.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> std::process::ExitCode {
    systembruker::cli::main()
}
