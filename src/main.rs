//! The program: everything is in the library, the commands in its module `cli`.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> std::process::ExitCode {
    // Named by the build of a release or an image; nowhere else, so that a commit compiles nothing anew.
    systembruker::cli::main(option_env!("SYSTEMBRUKER_COMMIT"))
}
