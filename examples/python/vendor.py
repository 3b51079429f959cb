"""A vendor's system: registers itself, asks a customer for a system user, waits for the approval, and calls an API with a
token for that system user.
"""

import json
import os
import time

import httpx
from systembruker import Maskinporten, SystemUserOf, connect, event_pages, take
from systembruker.rest.api.vendor import create_request, create_system
from systembruker.rest.models import AccessPackage, RequestBody, SystemBody

VENDOR = "390198116"
CUSTOMER = "390381492"
PACKAGE = "urn:altinn:accesspackage:a-ordning"
issuer = os.environ["MASKINPORTEN_URL"]
client_id = os.environ["MASKINPORTEN_CLIENT_ID"]
key = json.loads(os.environ["MASKINPORTEN_JWK"])

# 1. A token for the vendor.
scopes = [
    "altinn:authentication/systemregister.write",
    "altinn:authentication/systemuser.request.write",
    "altinn:authentication/systemuser.request.read",
]
api = connect(os.environ["SYSTEMBRUKER_URL"], Maskinporten(issuer, client_id, key, scopes))

# 2. The system, once.
system_id = f"{VENDOR}_python-{client_id}"
name = {"nb": "Fjordlønn", "nn": "Fjordlønn", "en": "Fjordlønn"}
system = {
    "id": system_id,
    "vendor": {"ID": f"0192:{VENDOR}"},
    "name": name,
    "description": name,
    "accessPackages": [{"urn": PACKAGE}],
    "clientId": [client_id],
}
create_system.sync(client=api, body=SystemBody.from_dict(system))

# 3. A request to the customer, who opens the link, logs in and decides.
body = RequestBody(system_id=system_id, party_org_no=CUSTOMER, access_packages=[AccessPackage(urn=PACKAGE)])
request = take(create_request.sync(client=api, body=body))
print(f"Approve at {request.confirm_url}", flush=True)

# 4. The answer. A system in production stores the position, and asks once in a while.
position = answer = None
while answer is None:
    for page in event_pages(api, after=position):
        position = page.position
        for event in page.events:
            if event.subject == str(request.id) and event.type_ != "no.systembruker.request.created":
                answer = answer or event.type_
    time.sleep(0.5)
print(f"The answer is {answer}")

# 5. A token for the customer's system user, and a call of the protected API with it.
tokens = Maskinporten(issuer, client_id, key, ["altinn:systembruker.demo"], system_user=SystemUserOf(CUSTOMER))
response = httpx.get(os.environ["API_URL"], headers={"Authorization": f"Bearer {tokens.token()}"})
print(f"The API answers {response.status_code}: {response.text}")
