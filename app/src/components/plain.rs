//! Erasing the type of a view at the least cost in WASM.
//!
//! Leptos' own `into_any` generates, for each type of view, code to patch it in place and to
//! hydrate it asynchronously. Our pages need neither: a step is always drawn anew, and there is no
//! `Suspense`. [`Plain::plain`] puts the view behind one trait object, so that Leptos' machinery is
//! generated once for all of them; it took a third off the WASM.

use leptos::attr::Attribute;
use leptos::attr::any_attribute::AnyAttribute;
use leptos::prelude::*;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::renderer::types::{Element, Node};
use leptos::tachys::view::add_attr::AddAnyAttr;
use leptos::tachys::view::{Mountable, Position, PositionState, Render, RenderHtml};

/// What is done with a view whose type is forgotten.
trait Drawing: Send {
    fn build(self: Box<Self>) -> Box<dyn Mountable>;
    #[cfg(feature = "hydrate")]
    fn hydrate(self: Box<Self>, cursor: &Cursor, position: &PositionState) -> Box<dyn Mountable>;
    #[cfg(feature = "ssr")]
    fn html(
        self: Box<Self>,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    );
}

impl<V: RenderHtml> Drawing for V
where
    V::State: 'static,
{
    fn build(self: Box<Self>) -> Box<dyn Mountable> {
        Box::new(Render::build(*self))
    }

    #[cfg(feature = "hydrate")]
    fn hydrate(self: Box<Self>, cursor: &Cursor, position: &PositionState) -> Box<dyn Mountable> {
        Box::new(RenderHtml::hydrate::<true>(*self, cursor, position))
    }

    #[cfg(feature = "ssr")]
    fn html(
        self: Box<Self>,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        self.to_html_with_buf(buf, position, escape, mark_branches, extra_attrs);
    }
}

/// A view of any type, replaced and never patched.
struct Drawn(Box<dyn Drawing>);

/// What is on the page of a [`Drawn`].
struct OnPage(Box<dyn Mountable>);

impl Mountable for OnPage {
    fn unmount(&mut self) {
        self.0.unmount();
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        self.0.mount(parent, marker);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        self.0.insert_before_this(child)
    }

    fn elements(&self) -> Vec<Element> {
        self.0.elements()
    }
}

impl Render for Drawn {
    type State = OnPage;

    fn build(self) -> Self::State {
        OnPage(self.0.build())
    }

    fn rebuild(self, state: &mut Self::State) {
        let mut new = self.build();
        state.insert_before_this(&mut new);
        state.unmount();
        *state = new;
    }
}

// Attributes that a caller adds reach the view through the `AnyView` around it.
impl AddAnyAttr for Drawn {
    type Output<NewAttr: Attribute> = Self;

    fn add_any_attr<NewAttr: Attribute>(self, _attr: NewAttr) -> Self::Output<NewAttr> {
        self
    }
}

impl RenderHtml for Drawn {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self::AsyncOutput {
        self
    }

    fn to_html_with_buf(
        self,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        #[cfg(feature = "ssr")]
        self.0.html(buf, position, escape, mark_branches, extra_attrs);
        #[cfg(not(feature = "ssr"))]
        let _ = (buf, position, escape, mark_branches, extra_attrs);
    }

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Self::State {
        // Only ever from the server's HTML: `template` is not used.
        #[cfg(feature = "hydrate")]
        return OnPage(self.0.hydrate(cursor, position));
        #[cfg(not(feature = "hydrate"))]
        {
            let _ = (cursor, position);
            self.build()
        }
    }

    fn into_owned(self) -> Self::Owned {
        self
    }
}

/// Erases the type of a view: what every component and page ends with.
pub trait Plain {
    /// The view without its type.
    fn plain(self) -> AnyView;
}

impl<V: RenderHtml + 'static> Plain for V
where
    V::State: 'static,
{
    fn plain(self) -> AnyView {
        Drawn(Box::new(self)).into_any()
    }
}
