//! What goes wrong, by the names that `deploy/stores.md` has for it.

use std::time::Duration;

use hallmark_tests::fault::{Answer, Edit, Ending, Fault};

/// Something that goes wrong with one request of Hallmark's to the store.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// As the documentation has it.
    pub(crate) name: &'static str,
    pub(crate) sort: Sort,
    pub(crate) make: fn() -> Fault,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// It takes longer, and nothing else.
    Harmless,
    /// The store did nothing, and it shows.
    Undone,
    /// The store did its work, and did not say so.
    Lost,
    /// The answer cannot be used, and it shows.
    Broken,
    /// What the store says is not so, and only the seal can tell.
    Lie,
}

const MOMENT: Duration = Duration::from_micros(200);

/// All that can happen to any request.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "slow headers",
        sort: Sort::Harmless,
        make: || Fault::Edits(vec![Edit::LateHead(Duration::from_millis(300)), Edit::SlowHead(MOMENT)]),
    },
    Kind { name: "slow body", sort: Sort::Harmless, make: || Fault::edit(Edit::SlowBody(8 << 10, MOMENT)) },
    Kind { name: "connection reset", sort: Sort::Undone, make: || Fault::Resets },
    Kind { name: "500", sort: Sort::Undone, make: || Fault::Answers(Answer::error(500, "InternalError")) },
    Kind { name: "503", sort: Sort::Undone, make: || Fault::Answers(Answer::error(503, "SlowDown")) },
    Kind {
        name: "503 with Retry-After",
        sort: Sort::Undone,
        make: || Fault::Answers(Answer::error(503, "ServiceUnavailable").with("Retry-After", "1")),
    },
    Kind {
        name: "429 with Retry-After",
        sort: Sort::Undone,
        make: || Fault::Answers(Answer::error(429, "TooManyRequests").with("Retry-After", "1")),
    },
    Kind {
        name: "answer before the request was sent",
        sort: Sort::Undone,
        make: || Fault::AnswersAtOnce(Answer::error(503, "SlowDown").with("Connection", "close")),
    },
    Kind { name: "no answer", sort: Sort::Undone, make: || Fault::NeverAnswers },
    Kind {
        name: "redirect",
        sort: Sort::Undone,
        make: || Fault::Answers(Answer::redirect(307, "http://127.0.0.1:9/elsewhere")),
    },
    Kind {
        name: "huge error",
        sort: Sort::Undone,
        make: || Fault::Answers(Answer::long_error(500, "InternalError", 4 << 20)),
    },
    Kind { name: "done, and reset", sort: Sort::Lost, make: || Fault::LosesAnswer(Ending::Reset) },
    Kind { name: "done, and closed", sort: Sort::Lost, make: || Fault::LosesAnswer(Ending::Close) },
    Kind {
        name: "done, and 500",
        sort: Sort::Lost,
        make: || Fault::AnswersInstead(Answer::error(500, "InternalError")),
    },
    Kind { name: "done, and no answer", sort: Sort::Lost, make: || Fault::KeepsAnswer },
    Kind {
        name: "200 with an error",
        sort: Sort::Broken,
        make: || Fault::Answers(Answer::error(200, "InternalError")),
    },
    Kind {
        name: "200 without headers",
        sort: Sort::Broken,
        make: || Fault::rewrite(|answer| *answer = Answer::new(200, answer.body.clone())),
    },
    Kind { name: "body cut", sort: Sort::Broken, make: || Fault::edit(Edit::CutAt(50, Ending::Close)) },
    Kind { name: "body reset", sort: Sort::Broken, make: || Fault::edit(Edit::CutAt(50, Ending::Reset)) },
    Kind { name: "body stops", sort: Sort::Broken, make: || Fault::edit(Edit::StallAt(50)) },
    Kind {
        name: "not HTTP",
        sort: Sort::Broken,
        make: || Fault::rewrite(|answer| answer.head.first = "SSH-2.0-OpenSSH_9.2".to_owned()),
    },
    Kind {
        name: "headers without end",
        sort: Sort::Broken,
        make: || {
            Fault::rewrite(|answer| {
                (0..20_000).for_each(|number| answer.head.add(&format!("x-amz-meta-{number}"), "value"));
            })
        },
    },
    Kind {
        name: "two lengths",
        sort: Sort::Broken,
        make: || Fault::edit(Edit::Add("Content-Length", "7".to_owned())),
    },
    Kind {
        name: "other ETag",
        sort: Sort::Lie,
        make: || Fault::edit(Edit::Set("ETag", "\"00000000000000000000000000000000\"".to_owned())),
    },
    Kind { name: "no ETag", sort: Sort::Lie, make: || Fault::edit(Edit::Remove("ETag")) },
    Kind {
        name: "extra bytes",
        sort: Sort::Lie,
        make: || Fault::edit(Edit::Append("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong".into())),
    },
    Kind { name: "wrong byte", sort: Sort::Lie, make: || Fault::edit(Edit::Garble(40)) },
    Kind { name: "404", sort: Sort::Lie, make: || Fault::Answers(Answer::error(404, "NoSuchKey")) },
    Kind { name: "empty 200", sort: Sort::Lie, make: || Fault::Answers(Answer::new(200, "")) },
    Kind { name: "204", sort: Sort::Lie, make: || Fault::Answers(Answer::new(204, "")) },
];

#[test]
fn the_documentation_names_every_kind() {
    let page = include_str!("../../../deploy/stores.md");
    for kind in KINDS {
        assert!(
            page.contains(&format!("`{}`", kind.name)),
            "deploy/stores.md does not say what comes of: {}",
            kind.name
        );
    }
}
