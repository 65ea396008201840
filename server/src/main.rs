//! `lanyard`: one binary, the server and its administration. See `lanyard --help`.

fn main() -> std::process::ExitCode {
    lanyard_server::cli::main()
}
