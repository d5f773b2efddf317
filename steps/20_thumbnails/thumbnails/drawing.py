"""Pictures to make thumbnails of. Yours may be photographs: any JPEG in the folder will do."""

from PIL import Image, ImageDraw, ImageFont, ImageOps

from .models import folder

SIZE = (1200, 900)
HUES = 360


def draw(count: int) -> None:
    """Draw this many pictures, 000.jpg and so on, each in a different color."""
    light = Image.radial_gradient("L").resize(SIZE)
    font = ImageFont.load_default(size=360)
    for number in range(count):
        hue = HUES * number // count
        dark, bright = f"hsl({hue}, 70%, 25%)", f"hsl({hue}, 75%, 75%)"
        picture = ImageOps.colorize(light, bright, dark)
        middle = (SIZE[0] // 2, SIZE[1] // 2)
        ImageDraw.Draw(picture).text(middle, str(number), "white", font, anchor="mm")
        picture.save(folder("pictures") / f"{number:03}.jpg", quality=85)
