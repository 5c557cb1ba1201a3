//! Contacts (RFC 5733).

use super::answer::{Answer, CONTACT, Outcome, Refusal, object, refusal, written};
use super::registry::{Call, Contact, Registry};
use super::xml::Element;

impl Registry {
    pub(super) fn contact(&mut self, call: &Call<'_>, verb: &str, command: &Element) -> Outcome {
        match verb {
            "check" => Ok(self.check_contacts(command)),
            "create" => self.create_contact(call, command),
            "info" => self.contact_info(call, command),
            "update" => self.update_contact(call, command),
            "delete" => self.delete_contact(call, command),
            _ => Err(refusal(2101, "")),
        }
    }

    fn check_contacts(&self, command: &Element) -> Answer {
        let answers = command.all("id").map(|id| {
            let free = !self.contacts.contains_key(&id.text);
            let answer = Element::leaf("contact:id", &id.text).attr("avail", if free { "1" } else { "0" });
            let reason = (!free).then(|| Element::leaf("contact:reason", "In use"));
            Element::new("contact:cd").with(answer).with_all(reason)
        });
        Answer::ok(Some(object("contact", CONTACT, "chkData").with_all(answers)))
    }

    fn create_contact(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let id = command.text_of("id").to_owned();
        if self.contacts.contains_key(&id) {
            return Err(refusal(2302, "the contact exists"));
        }
        let country = command.get("postalInfo").and_then(|postal| postal.get("addr")).map(|one| one.text_of("cc"));
        if !country.is_some_and(|cc| cc.bytes().all(|byte| byte.is_ascii_uppercase())) {
            return Err(refusal(2005, "cc"));
        }
        let parts = command.children.iter().filter(|part| part.local() != "id").cloned().collect();
        let roid = format!("C{}-SIM", self.number());
        let contact = Contact { roid, sponsor: call.client.to_owned(), created_at: call.now, parts };
        self.contacts.insert(id.clone(), contact);
        let data = object("contact", CONTACT, "creData")
            .with(Element::leaf("contact:id", id))
            .with(Element::leaf("contact:crDate", written(call.now)));
        Ok(Answer::ok(Some(data)))
    }

    fn own_contact(&mut self, call: &Call<'_>, id: &str) -> Result<&mut Contact, Refusal> {
        let contact = self.contacts.get_mut(id).ok_or_else(|| refusal(2303, "no such contact"))?;
        if contact.sponsor == call.client { Ok(contact) } else { Err(refusal(2201, "somebody else's contact")) }
    }

    fn contact_info(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let id = command.text_of("id");
        let linked = self.is_linked(id);
        let contact = self.own_contact(call, id)?;
        let part = |name: &str| contact.parts.iter().filter(|part| part.local() == name).cloned().collect::<Vec<_>>();
        let data = object("contact", CONTACT, "infData")
            .with(Element::leaf("contact:id", id))
            .with(Element::leaf("contact:roid", &contact.roid))
            .with(Element::new("contact:status").attr("s", if linked { "linked" } else { "ok" }))
            .with_all(["postalInfo", "voice", "fax", "email"].iter().flat_map(|name| part(name)))
            .with(Element::leaf("contact:clID", &contact.sponsor))
            .with(Element::leaf("contact:crID", &contact.sponsor))
            .with(Element::leaf("contact:crDate", written(contact.created_at)))
            .with_all(["authInfo", "disclose"].iter().flat_map(|name| part(name)));
        Ok(Answer::ok(Some(data)))
    }

    fn update_contact(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let contact = self.own_contact(call, command.text_of("id"))?;
        for new in command.get("chg").into_iter().flat_map(|change| &change.children) {
            contact.parts.retain(|part| part.local() != new.local());
            contact.parts.push(new.clone());
        }
        Ok(Answer::ok(None))
    }

    fn delete_contact(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let id = command.text_of("id");
        self.own_contact(call, id)?;
        if self.is_linked(id) {
            return Err(refusal(2305, "a domain needs the contact"));
        }
        self.contacts.remove(id);
        Ok(Answer::ok(None))
    }

    fn is_linked(&self, id: &str) -> bool {
        self.domains.values().any(|one| one.registrant == id || one.contacts.iter().any(|(_, handle)| handle == id))
    }
}
