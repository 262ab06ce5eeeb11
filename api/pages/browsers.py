"""The name of a browser for the list of a person's sessions: `Firefox, Linux`."""

BROWSERS = {
    "MicroMessenger": "WeChat", "EdgA": "Edge", "EdgiOS": "Edge", "Edg/": "Edge", "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet", "FxiOS": "Firefox", "Firefox": "Firefox", "CriOS": "Chrome",
    "Chrome": "Chrome", "Safari": "Safari",
}  # fmt: skip
SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "CrOS": "ChromeOS",
    "Mac OS X": "Mac", "Linux": "Linux",
}  # fmt: skip


def browser_name(user_agent: str) -> str:
    """Return the browser and the system of a User-Agent header, "" if it names no browser that we know.

    Most browsers also name others, so the first match in the order of the tables counts.
    """
    browser = next((name for word, name in BROWSERS.items() if word in user_agent), "")
    system = next((name for word, name in SYSTEMS.items() if word in user_agent), "")
    return ", ".join(filter(None, (browser, system)))
