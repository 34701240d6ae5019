//! The whole text of the file: what it begins with, its sections, and what bank-vaults does not say.

use crate::config::{Config, yaml};
use crate::event::Converted;
use crate::import::frame;
use crate::printable::one_line;

pub(super) fn text(converted: &Converted, body: &str, cluster: Option<&Config>) -> String {
    let mut text = format!(
        "# What vault-bootstrap import made of {}, an external configuration of bank-vaults. No server was\n\
         # asked, and no template was filled in. Behind each path stands its line there.\n",
        one_line(&converted.source.display().to_string()),
    );
    for (title, all) in [
        (
            "To be filled: secrets stand there, or templates that say more than one variable or file",
            &converted.to_fill,
        ),
        ("Not carried over", &converted.left_out),
    ] {
        if all.is_empty() {
            continue;
        }
        text.push_str(&format!("#\n# {title}:\n"));
        for one in all {
            text.push_str(&format!("#   {}\n", one_line(&one.to_string())));
        }
    }
    text.push_str(body);
    text.push_str(&end(cluster));
    text
}

/// What bank-vaults does not say.
fn end(config: Option<&Config>) -> String {
    let name = config.map_or("vault", |config| config.cluster.name.as_str());
    let (cluster, blank) = match config {
        Some(config) => (frame::cluster(config, None), ""),
        None => (
            String::new(),
            "# cluster: {name: vault, address: \"https://vault.internal:8200\"} # or import it again with --address\n\
             #\n",
        ),
    };
    format!(
        "{cluster}\n# TO BE FILLED: what bank-vaults does not say. Take the # away and write what is yours; vault-bootstrap example\n\
         # has more.\n\
         #\n\
         {blank}\
         # init:\n\
         #   shares: 3\n\
         #   threshold: 2\n\
         #   custodians: # one a share\n\
         #     - {{name: alice, age: {{recipient: age1…, file: shares/alice.age}}}}\n\
         #     - {{name: bob, age: {{recipient: age1…, file: shares/bob.age}}}}\n\
         #     - {{name: carol, age: {{recipient: age1…, file: shares/carol.age}}}}\n\
         #\n\
         # checkpoint: {{path: {}, key: {{identity: keys/checkpoint.key}}}}\n\
         #\n\
         # logins: # those that must work before root is revoked\n\
         #   operator: {{auth: userpass, username: operator, password: {{prompt: password of operator}}}}\n\
         #\n\
         # break_glass: {{logins: [operator]}} # or {{none: \"reason\"}}\n",
        yaml(&format!(".vault-bootstrap/{name}")),
    )
}
