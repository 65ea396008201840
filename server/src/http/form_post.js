// Sends the form of the form_post page on at once (OAuth 2.0 Form Post Response Mode, 2). Without
// scripting its button does.
document.querySelector("form[data-submit-at-once]")?.submit();
