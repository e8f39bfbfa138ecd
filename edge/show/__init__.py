"""What a person looks at.

- `commands`: of ``edge-score``, that show
- `report`: lines of text on half-orbits, alarms, bundles
- `describe`: what a file holds, for ``info``
- `plot`, `drawing`: one file as a picture
- `explain`: one half-orbit or alarm against its climatology, and what each observable does to it
- `page`: the station's page; `page_view` gathers, `page_health`, `page_calendar` and `page_charts`
  draw, `page_style` and `markup` write HTML
- `coastlines`: land, from Natural Earth
"""
