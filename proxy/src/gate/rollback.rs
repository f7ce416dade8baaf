//! Older versions that a store puts back: refused where the bucket asks for it, as far as this instance remembers what it
//! has served. Whoever inspects sees them.

use hallmark_config::UnixMs;
use hallmark_signer::Seal;

use super::checked::later;
use super::{Gate, GateError, Wanted};
use crate::name::ObjectName;
use crate::proof::{Admitted, Asked, Reader};
use crate::store::VersionId;
use crate::trust::TrustFault;

impl Gate {
    /// Holds what the store said against what was seen under the name before.
    ///
    /// # Errors
    /// Something was seen there that was sealed later.
    pub(super) fn check_mark(
        &self,
        admitted: &Admitted,
        version: Option<&VersionId>,
        asked: Asked,
        reader: Reader,
    ) -> Result<(), GateError> {
        let Some(at) = self.marked(admitted, version) else { return Ok(()) };
        match (self.kept().marks().see(admitted.name(), at, asked.at()), reader) {
            (Err(seen), Reader::Trusting) => Err(TrustFault::RolledBack { at, seen }.into()),
            (Err(_), Reader::Inspecting) | (Ok(()), _) => Ok(()),
        }
    }

    /// Whether something was seen under the name since that was sealed later: then the store is to be asked again.
    pub(super) fn is_behind(&self, admitted: &Admitted, wanted: Wanted<'_>) -> bool {
        let at = self.marked(admitted, wanted.version);
        at.is_some_and(|at| self.kept().marks().of(admitted.name()).is_some_and(|seen| seen > at))
    }

    /// A time for a seal under `name` that is not before `at`: later than what was seen there, if no clock ran far ahead.
    pub(super) fn time_for(&self, name: &ObjectName, at: u64) -> u64 {
        if !self.policy.refuses_rollback(&name.bucket) {
            return at;
        }
        later(at, self.kept().marks().of(name).map(|seen| seen.0))
    }

    /// When it was sealed, where that matters: not where a version is named, which may well be an older one.
    fn marked(&self, admitted: &Admitted, version: Option<&VersionId>) -> Option<UnixMs> {
        let matters = version.is_none() && self.policy.refuses_rollback(&admitted.name().bucket);
        admitted.seal().filter(|_| matters).map(|seal: &Seal| UnixMs(seal.at()))
    }
}
