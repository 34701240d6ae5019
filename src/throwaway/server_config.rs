//! The configuration file of a throwaway server.

use std::path::Path;

use crate::config::AuditDevice;
use crate::desired::audit_device::stanza;
use crate::vault::sys::Product;

/// What differs from one throwaway server to another.
pub(super) struct ServerConfig<'c> {
    pub(super) product: Product,
    /// Everything of it is below here.
    pub(super) directory: &'c Path,
    pub(super) port: u16,
    pub(super) cluster_port: u16,
    pub(super) in_memory: bool,
    /// OpenBao takes them from here alone.
    pub(super) audit: &'c [AuditDevice],
}

impl ServerConfig<'_> {
    /// The text of the file.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "api_addr = \"https://127.0.0.1:{}\"\ncluster_addr = \"https://127.0.0.1:{}\"\n",
            self.port, self.cluster_port
        );
        if self.product == Product::Vault {
            // OpenBao does not know the word any more.
            text += "disable_mlock = true\n";
        }
        text += &self.storage();
        let listener = [
            ("address", format!("127.0.0.1:{}", self.port)),
            (
                "cluster_address",
                format!("127.0.0.1:{}", self.cluster_port),
            ),
            ("tls_cert_file", self.path("server.pem")),
            ("tls_key_file", self.path("server.key")),
        ];
        text += &block("listener \"tcp\"", &listener);
        if self.product == Product::OpenBao {
            let seal = [
                ("current_key_id", "throwaway".to_owned()),
                ("current_key", format!("file://{}", self.path("seal.key"))),
            ];
            text += &block("seal \"static\"", &seal);
            for device in self.audit {
                text += &stanza(device);
                text.push('\n');
            }
        }
        text
    }

    fn storage(&self) -> String {
        if self.in_memory {
            return block("storage \"inmem\"", &[]);
        }
        let lines = [
            ("path", self.path("data")),
            ("node_id", "throwaway".to_owned()),
            // The default waits five times as long for an election that the one node is sure to win.
            ("performance_multiplier", "1".to_owned()),
        ];
        block("storage \"raft\"", &lines)
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }
}

/// One attribute to a line, and every value as a text: the servers convert.
fn block(header: &str, lines: &[(&str, String)]) -> String {
    let line = |(name, value): &(&str, String)| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("  {name} = \"{value}\"\n")
    };
    let lines: String = lines.iter().map(line).collect();
    format!("{header} {{\n{lines}}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(product: Product, in_memory: bool) -> String {
        let audit = [AuditDevice {
            path: "file".into(),
            device_type: "file".into(),
            description: String::new(),
            options: vec![("file_path".into(), "/t/audit.log".into())],
            local: false,
        }];
        let config = ServerConfig {
            product,
            directory: Path::new("/t/\"x"),
            port: 20_001,
            cluster_port: 20_002,
            in_memory,
            audit: &audit,
        };
        config.text()
    }

    #[test]
    fn openbao_gets_seal_and_audit_and_vault_neither() {
        let openbao = text(Product::OpenBao, false);
        assert!(openbao.contains("seal \"static\"") && openbao.contains("audit \"file\" \"file\""));
        assert!(openbao.contains("path = \"/t/\\\"x/data\""), "{openbao}");
        assert!(!openbao.contains("disable_mlock"));
        let vault = text(Product::Vault, false);
        assert!(!vault.contains("seal") && !vault.contains("audit"));
        assert!(vault.contains("disable_mlock = true"));
    }

    #[test]
    fn every_server_listens_on_loopback_alone_and_with_tls() {
        for in_memory in [true, false] {
            let text = text(Product::OpenBao, in_memory);
            assert!(text.contains("address = \"127.0.0.1:20001\""));
            assert!(text.contains("tls_key_file") && !text.contains("tls_disable"));
            assert_eq!(text.contains("storage \"inmem\""), in_memory);
        }
    }
}
