//! Which networks may be called proxies: not the whole internet, in one piece or in several.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks without any public address: they are no part of the internet, whatever else is listed.
const NOT_PUBLIC: [([u8; 4], u8); 8] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    // Groups, and what is reserved.
    ([224, 0, 0, 0], 3),
];

/// Whether these networks together hold every public address of one of the two protocols.
pub(super) fn cover_the_internet(networks: &[IpNet]) -> bool {
    let mut v4: Vec<Ipv4Net> = Vec::new();
    let mut v6: Vec<Ipv6Net> = Vec::new();
    for network in networks {
        match network {
            IpNet::V4(network) => v4.push(*network),
            IpNet::V6(network) => {
                v6.push(*network);
                v4.extend(within_v6(*network));
            }
        }
    }
    if v4.is_empty() && v6.is_empty() {
        return false;
    }
    let is_listed_v4 = !v4.is_empty();
    v4.extend(
        NOT_PUBLIC
            .iter()
            .filter_map(|(octets, length)| Ipv4Net::new(Ipv4Addr::from(*octets), *length).ok()),
    );
    let all_v4 = Ipv4Net::aggregate(&v4).iter().any(|n| n.prefix_len() == 0);
    // All addresses of the other protocol that are routed are in 2000::/3.
    let public = Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0);
    let all_v6 = Ipv6Net::aggregate(&v6)
        .iter()
        .any(|n| n.prefix_len() <= 3 && n.contains(&public));
    (is_listed_v4 && all_v4) || all_v6
}

/// The IPv4 addresses that a network of the other protocol names, written as `::ffff:a.b.c.d`.
fn within_v6(network: Ipv6Net) -> Option<Ipv4Net> {
    let mapped = Ipv4Addr::UNSPECIFIED.to_ipv6_mapped();
    if network.prefix_len() <= 96 {
        return network
            .contains(&mapped)
            .then(|| Ipv4Net::new(Ipv4Addr::UNSPECIFIED, 0).ok())?;
    }
    match IpAddr::V6(network.network()).to_canonical() {
        IpAddr::V4(address) => Ipv4Net::new(address, network.prefix_len() - 96).ok(),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("", false)]
    #[case("10.0.0.0/8", false)]
    #[case("10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fd00::/8", false)]
    #[case("0.0.0.0/0", true)]
    #[case("::/0", true)]
    #[case("0.0.0.0/1", false)]
    #[case("0.0.0.0/1,128.0.0.0/1", true)]
    #[case("0.0.0.0/1,128.0.0.0/2,192.0.0.0/3", true)]
    #[case("1.0.0.0/8,10.0.0.0/8", false)]
    #[case("2000::/3", true)]
    #[case("2000::/4,3000::/4", true)]
    #[case("2000::/4", false)]
    #[case("2001:db8::/32", false)]
    #[case("::ffff:0:0/96", true)]
    #[case("::ffff:0:0/97,::ffff:128.0.0.0/97", true)]
    #[case("::ffff:10.0.0.0/104", false)]
    fn networks(#[case] listed: &str, #[case] expected: bool) {
        let networks: Vec<IpNet> = listed
            .split(',')
            .filter(|text| !text.is_empty())
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(cover_the_internet(&networks), expected);
    }
}
