//! The bench works: a short run ends, and its JSON holds figures. How fast is not looked at.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_quick_run_measures_everything() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("figures.json");
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["--quick", "--json"])
        .arg(&json)
        .arg("--host")
        .arg(testkit_app::host())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let figures = report["figures"].as_array().unwrap();
    for section in ["Ratios", "Requests", "Drain, by kind of work", "Recovery", "Memory"] {
        assert!(figures.iter().any(|figure| figure["section"] == section), "{section}: {text}");
    }
    // Processor time comes in ticks too long for so short a run.
    let measured = figures.iter().filter(|figure| {
        let said = |field: &str| figure[field].as_str().unwrap().to_lowercase();
        !said("name").starts_with("processor time")
            && !said("section").starts_with("processor time")
    });
    for figure in measured {
        assert!(figure["median"].as_f64().unwrap() > 0.0, "{figure}");
    }
}
