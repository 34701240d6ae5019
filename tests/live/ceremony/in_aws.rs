//! What of a ceremony is kept in AWS.

use serde_json::{Value, json};

use super::file::Ceremony;
use crate::support::LocalStack;

impl Ceremony {
    /// An entry of `init.custodians` in the parameter store, under a KMS key of its own.
    pub fn ssm_custodian(&mut self, name: &str) -> Value {
        let key = self.in_aws(name);
        json!({ "name": name, "ssm": { "parameter": format!("{}/{name}", self.prefix()), "kms_key": key } })
    }

    /// The same in Secrets Manager.
    pub fn secretsmanager_custodian(&mut self, name: &str) -> Value {
        let key = self.in_aws(name);
        json!({ "name": name, "secretsmanager": { "name": format!("{}/{name}", self.prefix()), "kms_key": key } })
    }

    /// A share of this name will be in AWS, under the key that is returned.
    fn in_aws(&mut self, name: &str) -> String {
        let aws = LocalStack::shared();
        let key = aws.kms_create_key();
        self.environment = aws.env();
        // All of them are in one account, which is found where it is not accepted.
        let accepted = &mut self.file["init"]["accept_one_trust_domain"];
        match accepted.as_array_mut() {
            Some(names) => names.push(json!(name)),
            None => *accepted = json!([name]),
        }
        key
    }

    /// Keeps the checkpoint under a new KMS key; its id.
    pub fn kms_checkpoint(&mut self) -> String {
        let aws = LocalStack::shared();
        let key = aws.kms_create_key();
        self.environment = aws.env();
        self.set("/checkpoint/key", json!({ "kms": key }));
        key
    }
}
