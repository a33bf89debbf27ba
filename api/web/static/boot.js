// Runs before the first paint, so that what needs a script is laid out only where there is one.
document.documentElement.classList.add("js");
