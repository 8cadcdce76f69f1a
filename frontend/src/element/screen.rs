//! A `<video>` element that nobody sees and a canvas it is drawn on.

use app::platform;
use futures::future::{Either, select};
use js_sys::{Function, Promise, Uint8Array};
use leptos::prelude::document;
use timeline::Timestamp;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, File, HtmlCanvasElement, HtmlVideoElement};

use crate::javascript::{get, said, set};
use crate::protocol::{LONGEST_SIDE, QUALITY};

/// How long the element may take to show a frame, while the page itself is shown.
const PATIENCE_MS: u32 = 5_000;
/// How often a frame is asked for: a seek may be lost in a tab that was just brought back.
const TRIES: u32 = 3;
/// The element counts in seconds of floating point: this far from a frame's time it still means that frame.
const SLACK_US: i64 = 500;

#[wasm_bindgen]
extern "C" {
    /// What web-sys does not have yet (<https://wicg.github.io/video-rvfc/>).
    #[wasm_bindgen(extends = HtmlVideoElement)]
    type Player;

    #[wasm_bindgen(method, catch, js_name = requestVideoFrameCallback)]
    fn request_video_frame_callback(this: &Player, call: &Function) -> Result<u32, JsValue>;

    #[wasm_bindgen(method, catch, js_name = cancelVideoFrameCallback)]
    fn cancel_video_frame_callback(this: &Player, handle: u32) -> Result<(), JsValue>;
}

/// Shows any frame of one file.
pub(super) struct Screen {
    player: Player,
    url: String,
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    /// Drawn size: the element turns the picture and applies the pixel aspect.
    size: (f64, f64),
}

impl Screen {
    /// Waits until the element has the first frame. The error says what the element did.
    pub(super) async fn open(file: &File) -> Result<Self, String> {
        let url = platform::object_url(file).ok_or("the file has no address")?;
        let opened = Self::load(url.clone()).await;
        if opened.is_err() {
            platform::revoke_object_url(&url);
        }
        opened
    }

    async fn load(url: String) -> Result<Self, String> {
        let player: Player = element("video")?.unchecked_into();
        player.set_muted(true);
        player.set_preload("auto");
        set(&player, "playsInline", &true.into());
        let loaded = Promise::new(&mut |resolve, reject| {
            player.set_onloadeddata(Some(&resolve));
            player.set_onerror(Some(&reject));
        });
        player.set_src(&url);
        let waited = JsFuture::from(loaded).await;
        player.set_onloadeddata(None);
        player.set_onerror(None);
        waited.map_err(|_| "the element cannot play it".to_owned())?;
        let (width, height) = (f64::from(player.video_width()), f64::from(player.video_height()));
        if width < 1.0 || height < 1.0 {
            return Err("the element finds no picture in it".to_owned());
        }
        let scale = (LONGEST_SIDE / width.max(height)).min(1.0);
        let side = |length: f64| (length * scale).round().max(1.0);
        let size = (side(width), side(height));

        let canvas: HtmlCanvasElement = element("canvas")?.unchecked_into();
        canvas.set_width(size.0 as u32);
        canvas.set_height(size.1 as u32);
        let context = canvas.get_context("2d").map_err(|thrown| said(&thrown))?;
        let context: CanvasRenderingContext2d = context.and_then(|c| c.dyn_into().ok()).ok_or("no 2d canvas")?;
        set(&context, "imageSmoothingQuality", &"medium".into());
        Ok(Self { player, url, canvas, context, size })
    }

    /// The frame that begins at `pts` and lasts until `next`, as JPEG; none if the element shows another there.
    pub(super) async fn frame(&self, pts: Timestamp, next: Option<Timestamp>) -> Result<Option<Vec<u8>>, String> {
        // The middle of it: whichever way the element rounds, it is this frame.
        let middle = next.map_or(pts.micros(), |next| pts.micros() + (next.micros() - pts.micros()) / 2);
        for _ in 0..TRIES {
            self.wait_until_shown().await;
            let Some(shown) = self.show(middle as f64 / 1e6).await? else { continue };
            if (shown * 1e6 - pts.micros() as f64).abs() <= SLACK_US as f64 {
                return self.encode().await.map(Some);
            }
        }
        Ok(None)
    }

    /// Seeks and gives the time of the frame that is shown then, in seconds; none if nothing comes.
    async fn show(&self, seconds: f64) -> Result<Option<f64>, String> {
        let mut asked = Err(JsValue::UNDEFINED);
        let shown = Promise::new(&mut |resolve, reject| {
            let call = Closure::once_into_js(move |_now: JsValue, metadata: JsValue| {
                let _ = resolve.call1(&JsValue::UNDEFINED, &get(&metadata, "mediaTime"));
            });
            asked = self.player.request_video_frame_callback(call.unchecked_ref());
            self.player.set_onerror(Some(&reject));
        });
        let asked = asked.map_err(|thrown| said(&thrown))?;
        self.player.set_current_time(seconds);
        let waited = select(JsFuture::from(shown), Box::pin(platform::sleep(PATIENCE_MS))).await;
        self.player.set_onerror(None);
        match waited {
            Either::Left((Ok(time), _)) => Ok(time.as_f64()),
            Either::Left((Err(_), _)) => Err("the element broke off".to_owned()),
            Either::Right(_) => {
                let _gone = self.player.cancel_video_frame_callback(asked);
                Ok(None)
            }
        }
    }

    /// Nothing is painted in a tab that nobody sees: the run rests and loses no time with waiting for frames.
    async fn wait_until_shown(&self) {
        while document().hidden() {
            platform::sleep(500).await;
        }
    }

    async fn encode(&self) -> Result<Vec<u8>, String> {
        let (width, height) = self.size;
        let drawn =
            self.context.draw_image_with_html_video_element_and_dw_and_dh(&self.player, 0.0, 0.0, width, height);
        drawn.map_err(|thrown| said(&thrown))?;
        let mut asked = Ok(());
        let blob = Promise::new(&mut |resolve, _| {
            asked = self.canvas.to_blob_with_type_and_encoder_options(&resolve, "image/jpeg", &QUALITY.into());
        });
        asked.map_err(|thrown| said(&thrown))?;
        let bytes = async move {
            let blob: Blob = JsFuture::from(blob).await?.dyn_into()?;
            Ok(Uint8Array::new(&JsFuture::from(blob.array_buffer()).await?).to_vec())
        };
        bytes.await.map_err(|thrown: JsValue| said(&thrown))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.player.set_src("");
        platform::revoke_object_url(&self.url);
    }
}

fn element(name: &str) -> Result<web_sys::Element, String> {
    document().create_element(name).map_err(|thrown| said(&thrown))
}
