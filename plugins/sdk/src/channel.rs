//! Ways to send documents.

use crate::call::calls;

calls! {
    /// What a channel can do. What a plugin does not have is answered as unsupported.
    Channel, channel, "ChannelService", channel_service_server::ChannelService;
    asks {
        /// Asks whether the channel can be reached with these credentials.
        test_channel "TestChannel" (TestChannelRequest) -> TestChannelResponse;
        /// Asks whether a recipient can be reached, and with which formats.
        look_up_recipient "LookUpRecipient" (LookUpRecipientRequest) -> LookUpRecipientResponse;
        /// Asks what became of a delivery.
        get_delivery "GetDelivery" (GetDeliveryRequest) -> GetDeliveryResponse;
    }
    changes {
        /// Sends a document.
        send_document "SendDocument" (SendDocumentRequest) -> SendDocumentResponse;
    }
}
