/**
 * What GraphiQL opens with where the built-in sandbox stands in: examples that work on its data as they are. It sends
 * the one that is chosen, but every fragment of the document, so none has a fragment of its own. Lines of comments are
 * short, as its editor is narrow.
 */

export const GRAPHIQL_EXAMPLES = `# Welcome. These examples work on the sandbox's data:
# put the cursor into one and press Ctrl-Enter.
# Where a key is wanted, give it below, under Headers:
# {"authorization": "Bearer <API key>"}
# Ids can be built by hand from CXone's own:
# gid://cxone/Contact/{addressBookId}/{contactId}, …

# 1. What is there.
query Overview {
  contactLists(first: 5) { nodes { id name totalContactCount } }
  addressBooks(first: 5) { nodes { id name fieldDefinitions { name type } } }
  segments(first: 5) { nodes { id name type memberCount } }
}

# 2. Contacts, a page at a time.
# To go on, give endCursor as after.
query Contacts {
  addressBook(id: "gid://cxone/AddressBook/book-customers") {
    contacts(first: 5) {
      nodes { id firstName lastName phoneNumbers { number primary } customAttributes }
      pageInfo { endCursor hasNextPage }
    }
  }
}

# 3. A change names what changes: nothing else is lost.
# Errors are part of the answer.
mutation ChangeContact {
  updateContact(input: {
    id: "gid://cxone/Contact/book-customers/customer-0001"
    patch: { customAttributes: { tier: "gold" } }
  }) {
    ... on UpdateContactPayload { changed contact { firstName customAttributes version } }
    ... on ValidationError { message issues { path code message } }
    ... on Error { message }
  }
}

# 4. Neighbouring mutations share one call to CXone:
# see extensions.upstream in the answer.
mutation AddTwo {
  one: addOutboundContact(input: {
    contactListId: "gid://cxone/ContactList/list-import-trial"
    contact: { externalId: "GRAPHIQL-1", phone: "+14155550101", doNotCall: false, doNotEmail: false }
  }) {
    ... on AddOutboundContactPayload { externalId bulkCall { id size } }
    ... on Error { message }
  }
  two: addOutboundContact(input: {
    contactListId: "gid://cxone/ContactList/list-import-trial"
    contact: { externalId: "GRAPHIQL-2", email: "ada@example.com", doNotCall: false, doNotEmail: true }
  }) {
    ... on AddOutboundContactPayload { externalId bulkCall { id size } }
    ... on Error { message }
  }
}

# 5. An import of rows given in the call. For a file:
# createImportUpload, then PUT the file to its url.
mutation Import {
  startImport(input: {
    kind: OUTBOUND_CONTACTS
    targetId: "gid://cxone/ContactList/list-import-trial"
    rows: [
      { externalId: "ROW-1", firstName: "Ada", phone: "+14155550111", doNotCall: false, doNotEmail: false }
      { externalId: "ROW-2", firstName: "Grace", phone: "no number", doNotCall: false, doNotEmail: false }
    ]
  }) {
    ... on StartImportPayload { import { id state progress { received valid rejected } } }
    ... on Error { message }
  }
}

# 6. The newest imports, and what was wrong with rows.
query Imports {
  imports(first: 5) {
    nodes {
      id
      state
      progress { received succeeded rejected failed percent }
      rejections(first: 5) { nodes { row stage issues { path message } } }
    }
  }
}

# 7. Live: run this one, then example 5 in another tab.
# After a broken connection, give the last cursor as
# after: it goes on behind that.
subscription ImportActivity {
  importActivity { cursor at type import { id state } progress { percent succeeded failed } }
}

# 8. Once, so that CXone tells of enriched contacts;
# then follow them (9) and enrich one (10).
mutation RegisterWebhook {
  registerEnrichmentWebhook(input: {}) {
    ... on RegisterEnrichmentWebhookPayload { webhookId url }
    ... on Error { message }
  }
}

# 9. Enriched contacts, live.
subscription Enrichment {
  contactEnriched { cursor occurredAt contactId attributes contactList { name } }
}

# 10. Enrich one.
mutation Enrich {
  enrichContact(input: {
    contactListId: "gid://cxone/ContactList/list-summer-outreach"
    campaignId: "gid://cxone/Campaign/campaign-summer"
    contactId: "customer-0001"
    attributes: { loyalty_tier: "gold", churn_risk: 0.12 }
  }) {
    ... on EnrichContactPayload { contactId sent bulkCall { size } }
    ... on Error { message }
  }
}

# 11. Into a static segment. With confirm: true it
# waits until CXone's index shows it.
mutation JoinSegment {
  addContactToSegment(input: { segmentId: "gid://cxone/Segment/segment-summer-invitees", contactId: "customer-0001" }) {
    ... on AddContactToSegmentPayload { alreadyMember membership { state } }
    ... on Error { message }
  }
}

# 12. How the way to CXone is doing.
query Status {
  gatewayStatus {
    upstream { group circuit requests queued retries rateLimited limitPerSecond }
    baselineCache { entries hits misses }
    replicas
  }
}
`;
