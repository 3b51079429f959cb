//! Access lists: who may be decided about, for resources that are open to parties on a list alone. A
//! list belongs to a service owner, has parties as members, and is connected to resources.

mod model;
mod store;

pub use model::{
    AccessList, AccessListConnection, AccessListMember, MemberName, MemberParty, MembersChange,
    Membership,
};
pub use store::{
    add_members, connection, connections, connections_to, count, create, delete, delete_connection,
    find, is_larger, lists, lists_of, lock, members, memberships, put_connection, registered_owner,
    remove_members, replace_members, resolve, resource_owner, touch, update,
};
