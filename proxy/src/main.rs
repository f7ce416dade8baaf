//! The server.

// `testing` opens what stores return to whoever asks. A server that serves must not even contain that.
#[cfg(all(feature = "testing", not(debug_assertions)))]
compile_error!(
    "the server is not to be released with the feature `testing`: build it with `-p hallmark-proxy`"
);

fn main() {}
