//! Payment gateways.

use crate::call::calls;

calls! {
    /// What a payment gateway can do. What a plugin does not have is answered as unsupported.
    Gateway, gateway, "GatewayService", gateway_service_server::GatewayService;
    asks {
        /// Asks whether the gateway can be reached with these credentials.
        test_gateway "TestGateway" (TestGatewayRequest) -> TestGatewayResponse;
        /// Reads a payment.
        get_payment "GetPayment" (GetPaymentRequest) -> GetPaymentResponse;
        /// Checks that a notification is the gateway's, and says what it means.
        verify_webhook "VerifyWebhook" (VerifyWebhookRequest) -> VerifyWebhookResponse;
    }
    changes {
        /// Begins a payment: answers with a page to send the payer to, or with the payment itself when a stored method was charged.
        create_payment "CreatePayment" (CreatePaymentRequest) -> CreatePaymentResponse;
        /// Takes money that was authorised.
        capture_payment "CapturePayment" (CapturePaymentRequest) -> CapturePaymentResponse;
        /// Gives money back.
        refund_payment "RefundPayment" (RefundPaymentRequest) -> RefundPaymentResponse;
        /// Begins to store a method: answers with a page to send the payer to.
        store_method "StoreMethod" (StoreMethodRequest) -> StoreMethodResponse;
        /// Forgets a stored method.
        remove_method "RemoveMethod" (RemoveMethodRequest) -> RemoveMethodResponse;
    }
}
