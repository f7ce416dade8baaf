//! Lists of digests, as `sha256sum` writes them: what is read survives being written, and each name stays below its
//! directory.
#![no_main]

use hallmark_signer::{ChecksumLine, ChecksumList};

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(list) = ChecksumList::parse(file) {
        let line = |(name, sha256): (&hallmark_signer::ListedName, &hallmark_signer::Sha256Digest)| {
            assert!(name.as_str().split('/').all(|segment| !matches!(segment, "" | "." | "..")));
            format!("{}\n", ChecksumLine { sha256: *sha256, name: name.clone() })
        };
        let written: String = list.iter().map(line).collect();
        assert_eq!(ChecksumList::parse(written.as_bytes()), Ok(list));
    }
});
