// The patient's whole journey with scripting, as the seed documents tell it.
import { at, enrolPhone, giveDetails, person, press, proveAddress, shownClaims, signIn, signUp, toSignIn } from "../support/journey.ts";
import { expect, test } from "../support/test.ts";

test("sign-up with an email code, details, text message; the application shows exactly the selected claims", async ({ page, request }) => {
    const who = person("Ada", "Byron");
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who, "Private");
    await enrolPhone(page, request, who);
    await at(page, "Your details");
    expect(await shownClaims(page)).toEqual({
        "Email address": who.email,
        "Given name": "Ada",
        Surname: "Byron",
        "Country/Region": "US",
        "Type of insurance": "Private",
        "User is new": "Yes",
    });
    await press(page, "Sign out");
    await expect(page.getByText("You’ve signed out.")).toBeVisible();
    await signIn(page, request, who);
    expect((await shownClaims(page))["User is new"]).not.toBe("Yes");
});
