//! `holder-file NAME`: the configuration of one holder, for a machine of their own.

use crate::config::Config;
use crate::event::HolderFile;
use crate::failure::Failure;
use crate::holder_file;
use crate::session::cluster_identity::known_id;

/// The file for the custodian of this name, with the cluster's id where the checkpoint here knows it.
///
/// # Errors
/// There is no such custodian, or the checkpoint cannot be read.
pub fn holder_file(config: &Config, name: &str) -> Result<HolderFile, Failure> {
    let cluster_id = known_id(config)?;
    let custodian = crate::edge::custodians::of_the_file(config, name)?;
    Ok(HolderFile {
        custodian: name.to_owned(),
        text: holder_file::text(config, custodian, cluster_id.as_deref()),
        cluster_id,
    })
}
