"""The ratios as one chart."""

from pygal import Config, HorizontalBar
from pygal.style import CleanStyle

from benchmarks.report import Section

BAR_HEIGHT = 34
MARGIN = 140


def draw(sections: list[Section]) -> bytes:
    """Return an SVG with a bar for each ratio of speeds; 1 means equally fast."""
    bars = {name: ratio for section in sections for name, ratio in section.bars.items()}
    chart = HorizontalBar(config(len(bars)))
    chart.title = "Times as fast as the other side"
    # Pygal draws from the bottom up.
    chart.x_labels = list(reversed(bars))
    chart.add("", [round(ratio, 2) for ratio in reversed(bars.values())])
    image: bytes = chart.render()
    return image


def config(bars: int) -> Config:
    """Return the chart's style, without scripts: browsers run none in an image."""
    return Config(
        js=(),
        style=CleanStyle(
            font_family="sans-serif",
            background="white",
            plot_background="white",
            value_font_size=13,
            label_font_size=12,
        ),
        width=900,
        height=MARGIN + BAR_HEIGHT * bars,
        show_legend=False,
        print_values=True,
        truncate_label=-1,
        range=(0, None),
        x_title="ratio",
        disable_xml_declaration=False,
    )
