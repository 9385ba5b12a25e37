//! Writes the files of the repository that list settings: `cargo xtask settings`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = own.ancestors().nth(2).unwrap_or(own);
    for file in settings::files::FILES {
        let path = root.join(file.path);
        // A file that is written as a whole need not be there.
        let current = std::fs::read_to_string(&path).unwrap_or_default();
        let written = file.render(&current).and_then(|text| {
            let changed = text != current;
            if changed {
                std::fs::write(&path, text).map_err(|error| error.to_string())?;
            }
            Ok(changed)
        });
        match written {
            Ok(true) => println!("{}: written", file.path),
            Ok(false) => println!("{}: up to date", file.path),
            Err(reason) => {
                eprintln!("error: {}: {reason}", file.path);
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
