//! in-toto statements and SLSA provenance, and what is demanded of them.
#![no_main]

use hallmark_signer::evidence::{InTotoStatement, Requirement, SLSA_PROVENANCE};

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(statement) = InTotoStatement::parse(file) {
        let requirement = Requirement {
            predicate_type: SLSA_PROVENANCE.to_owned(),
            builder_id: Some("b".to_owned()),
            build_type: None,
            source: Some("https://github.com/acme/app".to_owned()),
        };
        let met = requirement.check(&statement);
        assert!(met.is_err() || statement.provenance().is_some_and(|said| said.builder_id() == "b"));
    }
});
