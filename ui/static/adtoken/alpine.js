// Alpine's build for content policies knows no globals: this is what the theme's attributes name of them.
document.addEventListener("alpine:init", () => {
  const wide = () => innerWidth >= 1280; // as the theme's styles: there the sidebar stands beside the page
  const stands = () => wide() && localStorage.getItem("sidebarOpen") !== "0";
  Alpine.data("theme", (chosen) => {
    const made = theme(chosen), { pathname, search } = location;
    delete made.themeBindings["x-on:keydown.window"]; // its single keys, which get in the way of people who dictate
    made.themeBindings["x-resize.window"] = function () { this.sidebarOpen = stands(); };
    return {
      ...made, getCurrentTab, window: { location: { pathname, search } }, sidebarOpen: stands(),
      sidebarToggle() {
        this.sidebarOpen = !this.sidebarOpen;
        if (wide()) localStorage.setItem("sidebarOpen", this.sidebarOpen ? "1" : "0");
      },
    };
  });
  Alpine.data("searchCommand", searchCommand);
});
