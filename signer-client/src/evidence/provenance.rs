//! SLSA provenance (version 1): who built an artifact, how and from where; and what is demanded of it.

use serde::Deserialize;
use serde_json::Value;

use crate::evidence::statement::{InTotoStatement, StatementError};

/// The predicate type of SLSA provenance.
pub const SLSA_PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// What provenance says of a build. The builder says it: it is worth as much as the builder and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    builder_id: String,
    build_type: String,
    sources: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProvenanceJson {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: Value,
    #[serde(default)]
    resolved_dependencies: Option<Vec<Dependency>>,
}

#[derive(Deserialize)]
struct Dependency {
    #[serde(default)]
    uri: Option<String>,
}

#[derive(Deserialize)]
struct RunDetails {
    builder: Builder,
}

#[derive(Deserialize)]
struct Builder {
    id: String,
}

/// Where builders put the repository into `externalParameters`: GitHub's workflows (GitHub's own attestations and
/// slsa-github-generator), Google Cloud Build (with its configuration's repository and with the one to build), GitLab.
const SOURCE_PARAMETERS: [&str; 4] =
    ["/workflow/repository", "/sourceToBuild/repository", "/buildConfigSource/repository", "/source"];

/// What a URI of a repository in git begins with (SPDX's form of it, which SLSA uses).
const GIT: &str = "git+";

impl Provenance {
    /// The builder: `runDetails.builder.id`.
    pub fn builder_id(&self) -> &str {
        &self.builder_id
    }

    /// How to read the rest: `buildDefinition.buildType`.
    pub fn build_type(&self) -> &str {
        &self.build_type
    }

    /// The repositories that the build is from; see [`Requirement::source`].
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// What `predicate` says, if it is of that type.
    pub(super) fn read(predicate_type: &str, predicate: &Value) -> Result<Option<Self>, StatementError> {
        if predicate_type != SLSA_PROVENANCE {
            return Ok(None);
        }
        let ProvenanceJson { build_definition, run_details } = ProvenanceJson::deserialize(predicate)
            .map_err(|error| StatementError::Provenance(error.to_string()))?;
        Ok(Some(Self {
            sources: sources(&build_definition),
            builder_id: run_details.builder.id,
            build_type: build_definition.build_type,
        }))
    }
}

fn sources(build: &BuildDefinition) -> Vec<String> {
    let without_git = |text: &str| text.strip_prefix(GIT).unwrap_or(text).to_owned();
    let parameters =
        SOURCE_PARAMETERS.iter().filter_map(|path| build.external_parameters.pointer(path)?.as_str());
    let mut sources: Vec<_> = parameters.map(without_git).collect();
    if sources.is_empty() {
        let dependencies = build.resolved_dependencies.iter().flatten();
        let repositories = dependencies.filter_map(|dependency| dependency.uri.as_deref()?.strip_prefix(GIT));
        sources = repositories.map(|uri| without_revision(uri).to_owned()).collect();
    }
    sources.sort();
    sources.dedup();
    sources
}

/// The repository of a URI that ends in `@revision`. An `@` before the path belongs to the user's name.
fn without_revision(uri: &str) -> &str {
    let path = uri.find("://").map_or(0, |at| at + "://".len());
    let path = path + uri[path..].find('/').unwrap_or(0);
    uri[path..].find('@').map_or(uri, |at| &uri[..path + at])
}

/// What a statement must say to count. Each text is compared exactly: no wildcards, no normalisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// `predicateType` of the statement.
    pub predicate_type: String,
    /// The builder, `runDetails.builder.id`; only SLSA provenance has one.
    pub builder_id: Option<String>,
    /// `buildDefinition.buildType`; only SLSA provenance has one.
    pub build_type: Option<String>,
    /// The repository that was built, as the builder writes it, such as `https://github.com/acme/app`; only SLSA
    /// provenance has one.
    ///
    /// It is looked for in `buildDefinition.externalParameters`, which the builder vouches for: `workflow.repository`,
    /// `sourceToBuild.repository`, `buildConfigSource.repository`, `source`. Each of these that is there must be it. Where
    /// none is there, each of `resolvedDependencies[].uri` that begins with `git+` must be it (without its `@revision`),
    /// and one must be there: that *one* of the dependencies comes from the right repository says nothing. A leading
    /// `git+` is no part of it.
    ///
    /// What the parameters mean is for the build type and the builder to say: demand those, too.
    pub source: Option<String>,
}

/// What a statement does not say that it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// Something of another type.
    #[error("the statement is of the type `{0}`")]
    PredicateType(String),
    /// Something demanded that only SLSA provenance of version 1 says.
    #[error("the statement is not SLSA provenance of version 1")]
    NotProvenance,
    /// Built by another builder.
    #[error("the artifact was built by `{0}`")]
    BuilderId(String),
    /// Built in another way.
    #[error("the build is of the type `{0}`")]
    BuildType(String),
    /// Built from another repository, from more than one, or nobody says from where.
    #[error("the artifact was built from {}", if .0.is_empty() { "nowhere that is named".to_owned() } else { format!("`{}`", .0.join("`, `")) })]
    Source(Vec<String>),
}

impl Requirement {
    /// Whether `statement` says what is demanded.
    ///
    /// # Errors
    /// It does not; the first thing that it does not say.
    pub fn check(&self, statement: &InTotoStatement) -> Result<(), Unmet> {
        let Self { predicate_type, builder_id, build_type, source } = self;
        if statement.predicate_type() != predicate_type {
            return Err(Unmet::PredicateType(statement.predicate_type().to_owned()));
        }
        let Some(provenance) = statement.provenance() else {
            let demands = [builder_id, build_type, source].into_iter().any(Option::is_some);
            return if demands { Err(Unmet::NotProvenance) } else { Ok(()) };
        };
        if builder_id.as_ref().is_some_and(|expected| *expected != provenance.builder_id) {
            return Err(Unmet::BuilderId(provenance.builder_id.clone()));
        }
        if build_type.as_ref().is_some_and(|expected| *expected != provenance.build_type) {
            return Err(Unmet::BuildType(provenance.build_type.clone()));
        }
        if source.as_ref().is_some_and(|expected| provenance.sources != [expected.as_str()]) {
            return Err(Unmet::Source(provenance.sources.clone()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::digest::Sha256Digest;
    use crate::evidence::statement::STATEMENT_TYPE;

    fn statement(predicate_type: &str, predicate: &Value) -> Result<InTotoStatement, StatementError> {
        let json = json!({
            "_type": STATEMENT_TYPE,
            "subject": [{"name": "a", "digest": {"sha256": Sha256Digest::of(b"").to_hex()}}],
            "predicateType": predicate_type,
            "predicate": predicate,
        });
        InTotoStatement::parse(json.to_string().as_bytes())
    }

    fn built(parameters: &Value, dependencies: &[&str]) -> InTotoStatement {
        let dependencies: Vec<_> = dependencies.iter().map(|uri| json!({"uri": uri})).collect();
        let predicate = json!({
            "buildDefinition": {
                "buildType": "type", "externalParameters": parameters, "resolvedDependencies": dependencies,
            },
            "runDetails": {"builder": {"id": "builder"}},
        });
        statement(SLSA_PROVENANCE, &predicate).unwrap()
    }

    fn requirement() -> Requirement {
        Requirement {
            predicate_type: SLSA_PROVENANCE.to_owned(),
            builder_id: Some("builder".to_owned()),
            build_type: Some("type".to_owned()),
            source: None,
        }
    }

    #[test]
    fn builder_and_type_are_compared_exactly() {
        let built = built(&json!({}), &[]);
        assert_eq!(requirement().check(&built), Ok(()));
        let other = |text: &str| Some(text.to_owned());
        let wrong = Requirement { builder_id: other("builder/"), ..requirement() };
        assert_eq!(wrong.check(&built), Err(Unmet::BuilderId("builder".to_owned())));
        let wrong = Requirement { build_type: other("Type"), ..requirement() };
        assert_eq!(wrong.check(&built), Err(Unmet::BuildType("type".to_owned())));
        let wrong = Requirement { predicate_type: "t".to_owned(), ..requirement() };
        assert!(matches!(wrong.check(&built), Err(Unmet::PredicateType(_))));

        let plain = statement("t", &json!({"runDetails": {"builder": {"id": "builder"}}})).unwrap();
        assert_eq!(wrong.check(&plain), Err(Unmet::NotProvenance));
        let bare = Requirement { builder_id: None, build_type: None, ..wrong };
        assert_eq!(bare.check(&plain), Ok(()));
    }

    #[test]
    fn provenance_without_a_builder_is_none() {
        for predicate in [
            json!({}),
            Value::Null,
            json!({"buildDefinition": {"buildType": "t", "externalParameters": {}}, "runDetails": {"builder": {}}}),
            json!({"buildDefinition": {"buildType": 1, "externalParameters": {}}, "runDetails": {"builder": {"id": ""}}}),
        ] {
            let error = statement(SLSA_PROVENANCE, &predicate);
            assert!(matches!(error, Err(StatementError::Provenance(_))), "{predicate}: {error:?}");
        }
    }

    #[test]
    fn a_source_is_what_all_say() {
        const APP: &str = "https://github.com/acme/app";
        const EVIL: &str = "https://github.com/evil/app";
        let requirement = Requirement { source: Some(APP.to_owned()), ..requirement() };
        let (app, evil) = (format!("git+{APP}@refs/heads/main"), format!("git+{EVIL}@refs/heads/main"));
        let workflow = |repository: &str| json!({"workflow": {"repository": repository}});
        for (parameters, dependencies, good) in [
            (workflow(APP), &[][..], true),
            (workflow(APP), &[&*evil], true),
            (workflow(&format!("git+{APP}")), &[], true),
            (json!({"source": APP, "entryPoint": "build"}), &[], true),
            (
                json!({"buildConfigSource": {"repository": APP}, "sourceToBuild": {"repository": APP}}),
                &[],
                true,
            ),
            (
                json!({"buildConfigSource": {"repository": EVIL}, "sourceToBuild": {"repository": APP}}),
                &[],
                false,
            ),
            (workflow(EVIL), &[&app], false),
            (workflow(&format!("{APP}/")), &[], false),
            (workflow(&format!("{APP}.git")), &[], false),
            (json!({}), &[&app], true),
            (json!({}), &[&app, &app, "pkg:docker/image@sha256:00"], true),
            (json!({}), &[&app, &evil], false),
            (json!({}), &["https://github.com/acme/app"], false),
            (json!({}), &[&format!("git+{APP}@evil.example/repository")], true),
            (json!({}), &["git+https://github.com@evil.example/acme/app"], false),
            (json!({"workflow": {"repository": [APP]}}), &[], false),
            (Value::Null, &[], false),
        ] {
            let built = built(&parameters, dependencies);
            assert_eq!(requirement.check(&built).is_ok(), good, "{parameters} {dependencies:?}");
        }
    }
}
