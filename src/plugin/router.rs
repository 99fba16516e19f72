//! From a path to an RPC: the gRPC services of one connection, routed by hand.
//!
//! Besides Terraform's own service these are go-plugin's: its controller ends the process, its broker and its stream of
//! standard output are held open and left unused, and its health check is answered. What is not offered is answered with
//! `Unimplemented`, which Terraform and OpenTofu take for what it is.

use std::{convert::Infallible, future::Future, sync::Arc};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, Ready},
    stream::BoxStream,
};
use http::{Request, Response};
use hyper::body::Incoming;
use prost::Message;
use tokio_util::sync::CancellationToken;
use tonic::{
    Status, Streaming,
    body::BoxBody,
    codec::ProstCodec,
    server::{Grpc, ServerStreamingService, StreamingService, UnaryService},
};

use super::{
    provider::Provider,
    server::Server,
    wire::{Empty, HealthCheckResponse, StopProviderResponse},
};

/// Terraform's own limit for its side.
const MAX_MESSAGE_SIZE: usize = 256 << 20;
/// `HealthCheckResponse.ServingStatus` of `grpc.health.v1`.
const SERVING: i32 = 1;

/// The services as one connection sees them.
pub(super) struct Router<P> {
    pub(super) server: Arc<Server<P>>,
    /// Cancelled by this connection's StopProvider, when the connection closes, and when the process ends.
    pub(super) stop: CancellationToken,
    /// Cancelled to end the process.
    pub(super) shutdown: CancellationToken,
}

impl<P: Provider> hyper::service::Service<Request<Incoming>> for Router<P> {
    type Response = Response<BoxBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (server, stop, shutdown) = (Arc::clone(&self.server), self.stop.clone(), self.shutdown.clone());
        async move { Ok(route(server, stop, shutdown, request).await) }.boxed()
    }
}

async fn route<P: Provider>(
    server: Arc<Server<P>>,
    stop: CancellationToken,
    shutdown: CancellationToken,
    request: Request<Incoming>,
) -> Response<BoxBody> {
    /// Answers the request by a method of the server.
    macro_rules! rpc {
        ($method:ident $(, $argument:ident)*) => {
            unary(request, |message| async move { server.$method($($argument,)* message).await }).await
        };
    }
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/tfplugin6.Provider/GetMetadata" => unary(request, |_: Empty| async move { server.get_metadata() }).await,
        "/tfplugin6.Provider/GetProviderSchema" => {
            unary(request, |_: Empty| async move { server.get_provider_schema() }).await
        }
        "/tfplugin6.Provider/ValidateProviderConfig" => rpc!(validate_provider_config),
        "/tfplugin6.Provider/ConfigureProvider" => rpc!(configure_provider, stop),
        "/tfplugin6.Provider/ValidateResourceConfig" => rpc!(validate_resource_config),
        "/tfplugin6.Provider/UpgradeResourceState" => rpc!(upgrade_resource_state),
        "/tfplugin6.Provider/ReadResource" => rpc!(read_resource, stop),
        "/tfplugin6.Provider/PlanResourceChange" => rpc!(plan_resource_change),
        "/tfplugin6.Provider/ApplyResourceChange" => rpc!(apply_resource_change, stop),
        "/tfplugin6.Provider/ImportResourceState" => rpc!(import_resource_state, stop),
        // No resource has an identity and there are no functions: an answer without fields says both.
        "/tfplugin6.Provider/GetResourceIdentitySchemas" | "/tfplugin6.Provider/GetFunctions" => {
            unary(request, |_: Empty| async { Empty {} }).await
        }
        "/tfplugin6.Provider/StopProvider" => {
            tracing::debug!("StopProvider: cancelling what runs");
            stop.cancel();
            unary(request, |_: Empty| async { StopProviderResponse::default() }).await
        }
        "/plugin.GRPCController/Shutdown" => {
            let answer = unary(request, |_: Empty| async { Empty {} }).await;
            shutdown.cancel();
            answer
        }
        "/plugin.GRPCStdio/StreamStdio" => grpc().server_streaming(HeldOpen(shutdown), request).await,
        "/plugin.GRPCBroker/StartStream" => grpc().streaming(HeldOpen(shutdown), request).await,
        "/grpc.health.v1.Health/Check" => {
            unary(request, |_: Empty| async { HealthCheckResponse { status: SERVING } }).await
        }
        _ => Status::unimplemented(format!("this provider does not offer {path}")).into_http(),
    }
}

fn grpc<Req, Res>() -> Grpc<ProstCodec<Res, Req>>
where
    Req: Message + Default + 'static,
    Res: Message + 'static,
{
    Grpc::new(ProstCodec::default())
        .max_decoding_message_size(MAX_MESSAGE_SIZE)
        .max_encoding_message_size(MAX_MESSAGE_SIZE)
}

async fn unary<Req, Res, F, Fut>(request: Request<Incoming>, handler: F) -> Response<BoxBody>
where
    Req: Message + Default + Send + 'static,
    Res: Message + Send + 'static,
    F: FnOnce(Req) -> Fut + Send + 'static,
    Fut: Future<Output = Res> + Send,
{
    grpc().unary(Once(Some(handler)), request).await
}

/// A closure as the service that `tonic` wants.
struct Once<F>(Option<F>);

impl<F, Req, Res, Fut> UnaryService<Req> for Once<F>
where
    Req: Send + 'static,
    F: FnOnce(Req) -> Fut + Send + 'static,
    Fut: Future<Output = Res> + Send,
{
    type Response = Res;
    type Future = BoxFuture<'static, Result<tonic::Response<Res>, Status>>;

    fn call(&mut self, request: tonic::Request<Req>) -> Self::Future {
        let handler = self.0.take();
        async move {
            let handler = handler.ok_or_else(|| Status::internal("one request was routed twice"))?;
            Ok(tonic::Response::new(handler(request.into_inner()).await))
        }
        .boxed()
    }
}

/// A stream on which nothing is said until the process ends or the client closes its side.
struct HeldOpen(CancellationToken);

type Silence = BoxStream<'static, Result<Empty, Status>>;

impl ServerStreamingService<Empty> for HeldOpen {
    type Response = Empty;
    type ResponseStream = Silence;
    type Future = Ready<Result<tonic::Response<Silence>, Status>>;

    fn call(&mut self, _request: tonic::Request<Empty>) -> Self::Future {
        silence(self.0.clone().cancelled_owned())
    }
}

impl StreamingService<Empty> for HeldOpen {
    type Response = Empty;
    type ResponseStream = Silence;
    type Future = Ready<Result<tonic::Response<Silence>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<Empty>>) -> Self::Future {
        let mut said = request.into_inner();
        let shutdown = self.0.clone();
        silence(async move {
            let heard = async { while let Ok(Some(Empty {})) = said.message().await {} };
            shutdown.run_until_cancelled(heard).await;
        })
    }
}

fn silence(until: impl Future<Output = ()> + Send + 'static) -> Ready<Result<tonic::Response<Silence>, Status>> {
    let stream = futures::stream::once(until).filter_map(|()| async { None });
    futures::future::ready(Ok(tonic::Response::new(stream.boxed())))
}
