fn main() -> std::process::ExitCode {
    billet::cli::run()
}
